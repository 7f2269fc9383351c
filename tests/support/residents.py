"""Accounts of a site: made in its database, with keys that tests use."""

import itertools
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from app.domain.access import Scope
from app.domain.plans import make_plans
from app.ids import AccountId
from app.services.accounts.accounts import AccountService
from app.services.accounts.administration import AdministrationService, NewAccount
from app.services.credentials.api_keys import ApiKeyService
from tests.support.client import Client
from tests.support.site import Site
from tests.support.site_rows import open_rows

PASSWORD = "correct horse battery staple"
PLANS = """
[plans.small]
storage_quota_bytes = 1_000_000
[plans.few]
max_images = 3
[plans.slow]
uploads_per_minute = 3
uploads_per_day = 1_000
[plans.daily]
uploads_per_day = 3
[plans.single]
can_multi_upload = false
[plans.closed]
image_upload_enabled = false
[plans.webless]
families = ["original", "jpeg", "png", "avif"]
[plans.guest]
uploads_per_minute = 50
uploads_per_day = 3
"""
ALL_BUT_ADMIN = tuple(scope for scope in Scope if scope is not Scope.ADMIN)

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """An account and one key of it."""

    id: AccountId
    username: str
    key: str
    key_id: str


@dataclass(frozen=True)
class Residents:
    """A site, and who is there."""

    site: Site

    def client(self, person: Person | None, *, api: int = 0) -> Client:
        """Talks to one of the APIs as somebody, or as nobody."""
        return Client(self.site.api_urls[api], person.key if person else None)

    async def add(
        self,
        plan: str = "owner",
        *,
        password: str | None = None,
        scopes: Collection[Scope] = ALL_BUT_ADMIN,
        expires_at: datetime | None = None,
        email: str | None = None,
    ) -> Person:
        """A new account with a key."""
        name = f"person-{next(_numbers)}"
        async with open_rows(self.site) as database:
            plans = make_plans(100_000_000, {"plans": {plan: {}}})
            wanted = NewAccount(name, plan, email=email, password=password)
            account = await AdministrationService(database, plans).add(wanted)
            keys = ApiKeyService(database, AccountService(database, plans))
            made = await keys.create_for(account.id, name="test", scopes=scopes, expires_at=expires_at)
        return Person(account.id, name, made.secret, str(made.record.id))

    async def add_owner(self) -> Person:
        """A new account that may do all that the first one may."""
        return await self.add(scopes=tuple(Scope))

    async def add_key(self, person: Person, *scopes: Scope) -> Person:
        """The same person with another key."""
        async with open_rows(self.site) as database:
            keys = ApiKeyService(database, AccountService(database, make_plans(100_000_000)))
            made = await keys.create_for(person.id, name="another", scopes=scopes, expires_at=None)
        return Person(person.id, person.username, made.secret, str(made.record.id))

    async def disable(self, person: Person) -> None:
        """As `safelight users disable` does."""
        async with open_rows(self.site) as database:
            await AdministrationService(database, make_plans(100_000_000)).disable(person.username)
