"""SQL for accounts, and for what counts against them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.records import AccountRecord
from app.db.tables import accounts, albums
from app.ids import AccountId

# Built once, as lists of images ask for it: that takes longer than the answer does.
_BY_ID = select(accounts).where(accounts.c.id == bindparam("account_id"))


async def has_accounts(db: AsyncConnection) -> bool:
    """Is there an account of a person?"""
    found = await db.execute(select(accounts.c.id).where(~accounts.c.is_guest).limit(1))
    return found.first() is not None


async def find_guest_account(db: AsyncConnection) -> AccountRecord | None:
    """The account that uploads without a credential belong to."""
    row = (await db.execute(select(accounts).where(accounts.c.is_guest))).one_or_none()
    return AccountRecord(*row) if row else None


async def insert_account(db: AsyncConnection, values: Mapping[str, object]) -> None:
    """Add an account."""
    await db.execute(insert(accounts).values(**values))


async def update_account(db: AsyncConnection, account_id: AccountId, values: Mapping[str, object]) -> None:
    """Set columns of an account."""
    await db.execute(update(accounts).where(accounts.c.id == account_id).values(**values))


async def find_account(db: AsyncConnection, account_id: AccountId, *, for_update: bool = False) -> AccountRecord | None:
    """The account of this id; `for_update` holds its row, so that its quota is counted by one at a time."""
    query = _BY_ID.with_for_update() if for_update else _BY_ID
    row = (await db.execute(query, {"account_id": account_id})).one_or_none()
    return AccountRecord(*row) if row else None


async def find_accounts(db: AsyncConnection, account_ids: Sequence[AccountId]) -> dict[AccountId, AccountRecord]:
    """Those of the ids that exist."""
    rows = await db.execute(select(accounts).where(accounts.c.id.in_(account_ids)))
    return {row.id: AccountRecord(*row) for row in rows}


async def find_account_by_name(db: AsyncConnection, username: str) -> AccountRecord | None:
    """The account of this username."""
    row = (await db.execute(select(accounts).where(accounts.c.username == username))).one_or_none()
    return AccountRecord(*row) if row else None


async def find_account_by_subject(db: AsyncConnection, subject: str) -> AccountRecord | None:
    """The account that a foreign identity belongs to."""
    row = (await db.execute(select(accounts).where(accounts.c.subject == subject))).one_or_none()
    return AccountRecord(*row) if row else None


async def list_unclaimed_by_email(db: AsyncConnection, email: str) -> list[AccountRecord]:
    """Accounts with this e-mail address, in any case, that belong to no foreign identity yet; two at most."""
    statement = select(accounts).where(func.lower(accounts.c.email) == email.lower(), accounts.c.subject.is_(None))
    return [AccountRecord(*row) for row in await db.execute(statement.limit(2))]


async def list_accounts(db: AsyncConnection) -> list[AccountRecord]:
    """Every account, the oldest first; for the command line."""
    return [AccountRecord(*row) for row in await db.execute(select(accounts).order_by(accounts.c.created_at))]


async def note_sign_in(db: AsyncConnection, account_id: AccountId, *, now: datetime) -> None:
    """Remember when an account was last signed in to."""
    await update_account(db, account_id, {"last_login_at": now})


async def count_albums(db: AsyncConnection, owner_id: AccountId) -> int:
    """How many albums an account has."""
    count: int = (await db.execute(select(func.count()).where(albums.c.owner_id == owner_id))).scalar_one()
    return count
