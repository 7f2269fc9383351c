"""An old Safelight that plays the four systems, and a new one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.import_accounts import Two
from tests.support.import_runner import Mover
from tests.support.residents import PLANS, Person, Residents
from tests.support.servers.redis import run_redis
from tests.support.site import run_site
from tests.support.site_fixtures import SET_UPS, environment_of

Moving = Callable[..., Mover]
"""Of the old URL and the system."""


@pytest.fixture(scope="module", params=SET_UPS)
def two(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """The new one is of the set-up; the old one of the simplest."""
    environment = environment_of(request.param, request)
    with (
        run_redis() as old_redis,
        run_redis() as new_redis,
        run_site(tmp_path_factory.mktemp("old"), redis_url=old_redis.url) as old,
        run_site(tmp_path_factory.mktemp("new"), redis_url=new_redis.url, environment=environment) as new,
    ):
        yield Two(Residents(old), Residents(new))


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Residents]:
    """A new Safelight with the plans of `tests.support.accounts_fixture`."""
    folder: Path = tmp_path_factory.mktemp("new")
    (folder / "plans.toml").write_text(PLANS)
    environment = {"SAFELIGHT_PLANS_FILE": str(folder / "plans.toml")}
    with run_redis() as redis, run_site(folder, redis_url=redis.url, environment=environment) as site:
        yield Residents(site)


@pytest.fixture
async def person(new: Residents) -> Person:
    """Somebody who moves in, with an empty account."""
    return await new.add()


@pytest.fixture
def moving(new: Residents, person: Person, tmp_path: Path) -> Moving:
    """Moves an old account into this person's; Cloudflare's, where nothing else is said."""

    def make(old_url: str, system: str = "cloudflare", *more: str | Path, key: str = "old-key") -> Mover:
        options = ("--account", "any") if system == "cloudflare" else ()
        return Mover(old_url, key, new.site, person.key, tmp_path, system, *options, *more)

    return make
