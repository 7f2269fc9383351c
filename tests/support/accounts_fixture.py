"""A site with people: two APIs, plans of its own, an issuer, and accounts made behind its back."""

import itertools
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from app.domain.access import Scope
from app.domain.plans import make_plans
from app.ids import AccountId
from app.services.accounts.accounts import AccountService
from app.services.accounts.administration import AdministrationService, NewAccount
from app.services.credentials.api_keys import ApiKeyService
from tests.support.client import Client
from tests.support.servers.jwks import AUDIENCE, Issuer
from tests.support.servers.redis import run_redis
from tests.support.site import Site, run_site
from tests.support.site_fixtures import SET_UPS, environment_of
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
[plans.single]
can_multi_upload = false
[plans.closed]
image_upload_enabled = false
[plans.webless]
families = ["original", "jpeg", "png", "avif"]
[plans.guest]
uploads_per_minute = 3
uploads_per_day = 50
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


@dataclass(frozen=True)
class People(Residents):
    """A site whose people may come from an issuer too."""

    issuer: Issuer


@pytest.fixture(scope="module", params=SET_UPS)
def people(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """Two APIs and a worker that know an issuer, trust loopback as a proxy, and let guests in."""
    data_dir: Path = tmp_path_factory.mktemp("people")
    plans_file = data_dir / "plans.toml"
    plans_file.write_text(PLANS)
    with run_redis() as redis, Issuer().running() as issuer:
        environment = environment_of(request.param, request) | {
            "SAFELIGHT_PLANS_FILE": str(plans_file),
            "SAFELIGHT_TRUSTED_PROXIES": json.dumps(["127.0.0.1"]),
            "SAFELIGHT_GUEST_UPLOADS": "1",
            "SAFELIGHT_JWT_ISSUER": issuer.url,
            "SAFELIGHT_JWT_JWKS_URL": issuer.jwks_url,
            "SAFELIGHT_JWT_AUDIENCE": AUDIENCE,
            "SAFELIGHT_JWT_CREATE_ACCOUNTS": "1",
        }
        with run_site(data_dir, redis_url=redis.url, apis=2, environment=environment) as site:
            yield People(site, issuer)
