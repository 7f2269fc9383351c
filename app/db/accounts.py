"""SQL for accounts and their API keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.records import AccountRecord, ApiKeyRecord
from app.db.tables import accounts, api_keys
from app.ids import AccountId, ApiKeyId


async def count_accounts(db: AsyncConnection) -> int:
    """How many accounts there are."""
    count: int = (await db.execute(select(func.count()).select_from(accounts))).scalar_one()
    return count


async def insert_account(db: AsyncConnection, values: Mapping[str, object]) -> None:
    """Add an account."""
    await db.execute(insert(accounts).values(**values))


async def insert_api_key(db: AsyncConnection, values: Mapping[str, object]) -> None:
    """Add an API key."""
    await db.execute(insert(api_keys).values(**values))


async def find_account(db: AsyncConnection, account_id: AccountId, *, for_update: bool = False) -> AccountRecord | None:
    """The account of this id; `for_update` holds its row, so that its quota is counted by one at a time."""
    query = select(accounts).where(accounts.c.id == account_id)
    row = (await db.execute(query.with_for_update() if for_update else query)).one_or_none()
    return AccountRecord(*row) if row else None


async def find_accounts(db: AsyncConnection, account_ids: Sequence[AccountId]) -> dict[AccountId, AccountRecord]:
    """Those of the ids that exist."""
    rows = await db.execute(select(accounts).where(accounts.c.id.in_(account_ids)))
    return {row.id: AccountRecord(*row) for row in rows}


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


async def touch_key(db: AsyncConnection, key_id: ApiKeyId, *, now: datetime, not_since: datetime) -> None:
    """Note that the key was used, unless that was noted after `not_since`: not every request is a write."""
    is_stale = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < not_since)
    await db.execute(update(api_keys).where(api_keys.c.id == key_id, is_stale).values(last_used_at=now))


async def last_key_use(db: AsyncConnection, account_id: AccountId) -> datetime | None:
    """When any key of the account was last used."""
    statement = select(func.max(api_keys.c.last_used_at)).where(api_keys.c.account_id == account_id)
    moment: datetime | None = (await db.execute(statement)).scalar_one()
    return moment
