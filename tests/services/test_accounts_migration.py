"""Accounts that were there before signing keys were: the migration gives each its own."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Insert, column, insert, select, table

from app.db.engine import Database, utc_now
from app.db.migrating import migrate
from app.db.tables import accounts, signing_keys
from app.ids import make_account_hash, make_uuid


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_every_old_account_has_a_signing_key_of_its_own(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'old.db'}"
    if kind == "postgresql":
        url = request.getfixturevalue("postgres_database")
    database = Database(url)
    ids = [make_uuid(), make_uuid()]
    try:
        await migrate(database, target="0001")
        async with database.write() as db:
            for number, account_id in enumerate(ids):
                await db.execute(_old_account(number, account_id))
        await migrate(database)
        async with database.read() as db:
            rows = (await db.execute(select(signing_keys.c.owner_id, signing_keys.c.name, signing_keys.c.value))).all()
    finally:
        await database.close()

    assert sorted(row.owner_id for row in rows) == sorted(ids)
    assert {(row.name, len(row.value)) for row in rows} == {("default", 64)}
    assert len({row.value for row in rows}) == 2


def _old_account(number: int, account_id: UUID) -> Insert:
    # Columns of the first migration alone: the table of today would add the defaults of later ones.
    names = ("id", "username", "status", "plan", "account_hash", "preferences", "created_at")
    old = table("accounts", *(column(name, accounts.c[name].type) for name in names))
    return insert(old).values(
        id=account_id,
        username=f"old-{number}",
        status="active",
        plan="owner",
        account_hash=make_account_hash(),
        preferences={},
        created_at=utc_now(),
    )
