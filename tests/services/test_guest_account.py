"""The guests' account is known by a column: no account of a person becomes it, whatever it is called."""

from pathlib import Path

import pytest
from sqlalchemy import update

from app.container import Container
from app.db.engine import Database, utc_now
from app.db.migrating import migrate
from app.db.tables import accounts
from app.domain.access import Scope
from app.domain.plans import OWNER_PLAN, make_plans
from app.domain.usernames import RESERVED_FOR_NEW, check_username, is_username, suggest_username
from app.errors import InvalidRequest
from app.services.accounts.accounts import AccountService, add_account
from app.services.accounts.administration import AdministrationService, NewAccount
from app.services.credentials.api_keys import ApiKeyService

PLANS = make_plans(100_000_000)


def service_of(container: Container) -> AccountService:
    return AccountService(container.database, PLANS, lets_guests_in=True)


async def add_named(container: Container, username: str) -> None:
    """As a release before the names were reserved did."""
    async with container.database.write() as db:
        await add_account(db, username=username, plan=OWNER_PLAN, now=utc_now())


async def test_guests_get_an_account_beside_a_person_of_that_name(container: Container) -> None:
    for name in ("guest", "guest-1"):
        await add_named(container, name)

    guest = await service_of(container).find_guest()
    again = await service_of(container).find_guest()

    assert guest is not None
    assert (guest.username, guest.is_guest) == ("guest-2", True)
    assert again is not None
    assert again.id == guest.id


async def test_the_guests_account_is_no_reason_against_a_first_one(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'new.db'}")
    await migrate(database)
    service = AccountService(database, PLANS, lets_guests_in=True)

    guest = await service.find_guest()
    first = await service.create_first(bootstrap_key=None)

    assert guest is not None
    assert first is not None
    assert await service.create_first(bootstrap_key=None) is None
    await database.close()


async def test_the_guests_account_gets_no_credential(container: Container) -> None:
    guest = await service_of(container).find_guest()
    assert guest is not None
    administration = AdministrationService(container.database, PLANS)

    with pytest.raises(InvalidRequest, match="no password"):
        await administration.set_password(guest.username, "correct horse battery staple")
    with pytest.raises(InvalidRequest, match="no keys"):
        await ApiKeyService(container.database, container.accounts).create_for(
            guest.id, name="a key", scopes=[Scope.IMAGES_READ], expires_at=None
        )


@pytest.mark.parametrize("name", sorted(RESERVED_FOR_NEW))
async def test_new_accounts_do_not_take_the_servers_names(container: Container, name: str) -> None:
    with pytest.raises(InvalidRequest):
        await AdministrationService(container.database, PLANS).add(NewAccount(name, OWNER_PLAN))

    with pytest.raises(InvalidRequest):
        check_username(name)
    assert suggest_username(f"{name}@example.org") == f"user-{name}"
    # Addresses of accounts that are called so already work on.
    assert is_username(name)


async def test_a_person_may_go_on_under_such_a_name(container: Container) -> None:
    await add_named(container, "system")
    async with container.database.write() as db:
        await db.execute(update(accounts).where(accounts.c.username == "system").values(email="s@example.org"))

    found = await AdministrationService(container.database, PLANS).get("system")

    assert not found.is_guest
