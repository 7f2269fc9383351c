"""SQL for what proves who somebody is: API keys, refresh tokens; and for the keys that sign addresses."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.records import AccountRecord, ApiKeyRecord, RefreshTokenRecord, SigningKeyRecord
from app.db.tables import accounts, api_keys, refresh_tokens, signing_keys
from app.ids import AccountId, ApiKeyId


async def insert_api_key(db: AsyncConnection, values: Mapping[str, object]) -> None:
    """Add an API key."""
    await db.execute(insert(api_keys).values(**values))


async def find_api_key(db: AsyncConnection, key_id: ApiKeyId) -> ApiKeyRecord | None:
    """The key of this id, whether it is good or not."""
    row = (await db.execute(select(api_keys).where(api_keys.c.id == key_id))).one_or_none()
    return ApiKeyRecord(*row) if row else None


async def find_key_by_hash(db: AsyncConnection, secret_hash: str) -> tuple[ApiKeyRecord, AccountRecord] | None:
    """The key with this hash and its account, whether they are good or not."""
    statement = (
        select(api_keys, accounts)
        .join(accounts, accounts.c.id == api_keys.c.account_id)
        .where(api_keys.c.secret_hash == secret_hash)
    )
    row = (await db.execute(statement)).one_or_none()
    if row is None:
        return None
    split = len(api_keys.c)
    return ApiKeyRecord(*row[:split]), AccountRecord(*row[split:])


async def list_api_keys(db: AsyncConnection, account_id: AccountId, *, limit: int) -> list[ApiKeyRecord]:
    """An account's keys: those that are not revoked first, the newest first."""
    order = (api_keys.c.revoked_at.is_not(None), api_keys.c.created_at.desc(), api_keys.c.id)
    statement = select(api_keys).where(api_keys.c.account_id == account_id).order_by(*order).limit(limit)
    return [ApiKeyRecord(*row) for row in await db.execute(statement)]


async def count_live_keys(db: AsyncConnection, account_id: AccountId) -> int:
    """How many keys of an account are not revoked."""
    statement = select(func.count()).where(api_keys.c.account_id == account_id, api_keys.c.revoked_at.is_(None))
    count: int = (await db.execute(statement)).scalar_one()
    return count


async def revoke_key(db: AsyncConnection, key_id: ApiKeyId, *, now: datetime) -> None:
    """End a key, unless that was done before."""
    statement = update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
    await db.execute(statement.values(revoked_at=now))


async def touch_key(db: AsyncConnection, key_id: ApiKeyId, *, now: datetime, not_since: datetime) -> None:
    """Note that the key was used, unless that was noted after `not_since`: not every request is a write."""
    is_stale = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < not_since)
    await db.execute(update(api_keys).where(api_keys.c.id == key_id, is_stale).values(last_used_at=now))


async def last_key_use(db: AsyncConnection, account_id: AccountId) -> datetime | None:
    """When any key of the account was last used."""
    statement = select(func.max(api_keys.c.last_used_at)).where(api_keys.c.account_id == account_id)
    moment: datetime | None = (await db.execute(statement)).scalar_one()
    return moment


async def insert_refresh_token(db: AsyncConnection, values: Mapping[str, object]) -> None:
    """Add a link to a chain."""
    await db.execute(insert(refresh_tokens).values(**values))


async def find_refresh_token(db: AsyncConnection, token_hash: str) -> tuple[RefreshTokenRecord, AccountRecord] | None:
    """The token with this hash and its account, whether they are good or not; its row is held."""
    statement = (
        select(refresh_tokens, accounts)
        .join(accounts, accounts.c.id == refresh_tokens.c.account_id)
        .where(refresh_tokens.c.token_hash == token_hash)
        .with_for_update(of=refresh_tokens)
    )
    row = (await db.execute(statement)).one_or_none()
    if row is None:
        return None
    split = len(refresh_tokens.c)
    return RefreshTokenRecord(*row[:split]), AccountRecord(*row[split:])


async def hold_account_of_token(db: AsyncConnection, token_hash: str) -> None:
    """Hold the row of a refresh token's account, before the token's own, as ending all its sign-ins does."""
    statement = (
        select(accounts.c.id)
        .join(refresh_tokens, refresh_tokens.c.account_id == accounts.c.id)
        .where(refresh_tokens.c.token_hash == token_hash)
    )
    await db.execute(statement.with_for_update(of=accounts))


async def use_refresh_token(db: AsyncConnection, token_id: UUID, *, now: datetime) -> bool:
    """Mark a token as used: true for exactly one caller."""
    statement = update(refresh_tokens).where(refresh_tokens.c.id == token_id, refresh_tokens.c.used_at.is_(None))
    return (await db.execute(statement.values(used_at=now))).rowcount == 1


async def revoke_chain(db: AsyncConnection, chain_id: UUID, *, now: datetime) -> None:
    """End everything that came of one sign-in."""
    statement = update(refresh_tokens).where(
        refresh_tokens.c.chain_id == chain_id, refresh_tokens.c.revoked_at.is_(None)
    )
    await db.execute(statement.values(revoked_at=now))


async def list_sign_in_keys(db: AsyncConnection, account_id: AccountId) -> list[ApiKeyRecord]:
    """The keys of an account that sign-ins made and that are not revoked, the newest first."""
    statement = select(api_keys).where(
        api_keys.c.account_id == account_id, api_keys.c.revoked_at.is_(None), api_keys.c.sign_in_id.is_not(None)
    )
    return [ApiKeyRecord(*row) for row in await db.execute(statement.order_by(api_keys.c.created_at.desc()))]


async def end_sign_ins_of(db: AsyncConnection, account_id: AccountId, *, now: datetime) -> None:
    """End every sign-in and batch token of an account."""
    # The account comes first: its row is held, so that no sign-in or refresh adds a token meanwhile.
    grown = accounts.c.credential_generation + 1
    await db.execute(update(accounts).where(accounts.c.id == account_id).values(credential_generation=grown))
    statement = update(refresh_tokens).where(
        refresh_tokens.c.account_id == account_id, refresh_tokens.c.revoked_at.is_(None)
    )
    await db.execute(statement.values(revoked_at=now))


async def delete_old_tokens(db: AsyncConnection, account_id: AccountId, *, now: datetime) -> None:
    """Forget an account's tokens whose time is over: nobody can use them, so nobody can use them twice."""
    await db.execute(
        delete(refresh_tokens).where(refresh_tokens.c.account_id == account_id, refresh_tokens.c.expires_at < now)
    )


async def find_account_of_chain(db: AsyncConnection, chain_id: UUID) -> AccountRecord | None:
    """The account of a sign-in that was not ended."""
    statement = (
        select(accounts)
        .join(refresh_tokens, refresh_tokens.c.account_id == accounts.c.id)
        .where(refresh_tokens.c.chain_id == chain_id, refresh_tokens.c.revoked_at.is_(None))
        .limit(1)
    )
    row = (await db.execute(statement)).first()
    return AccountRecord(*row) if row else None


async def list_signing_keys(
    db: AsyncConnection, owner_ids: Sequence[AccountId]
) -> dict[AccountId, list[SigningKeyRecord]]:
    """The signing keys of these owners, the oldest first."""
    statement = select(signing_keys).where(signing_keys.c.owner_id.in_(owner_ids))
    found: dict[AccountId, list[SigningKeyRecord]] = {owner_id: [] for owner_id in owner_ids}
    for row in await db.execute(statement.order_by(signing_keys.c.created_at, signing_keys.c.id)):
        found[row.owner_id].append(SigningKeyRecord(*row))
    return found


async def insert_signing_key(db: AsyncConnection, values: Mapping[str, object]) -> None:
    """Add a signing key."""
    await db.execute(insert(signing_keys).values(**values))


async def rotate_signing_key(db: AsyncConnection, key_id: UUID, *, value: str, now: datetime) -> None:
    """Give a signing key a new value; what the old one signed is good no more."""
    await db.execute(update(signing_keys).where(signing_keys.c.id == key_id).values(value=value, created_at=now))


async def delete_signing_key(db: AsyncConnection, key_id: UUID) -> None:
    """Remove a signing key."""
    await db.execute(delete(signing_keys).where(signing_keys.c.id == key_id))
