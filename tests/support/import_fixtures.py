"""An old Safelight that plays the four systems, and a new one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.import_accounts import Two
from tests.support.import_runner import Mover
from tests.support.residents import PLANS, Person, Residents
from tests.support.site_fixtures import PLAIN, SET_UPS, SharedSites, environment_of

MAX_UPLOAD_BYTES = 1_000_000
"""So little that files without an end are given up soon."""
Moving = Callable[..., Mover]
"""Of the old URL and the system."""


@pytest.fixture(scope="module", params=SET_UPS)
def two(request: pytest.FixtureRequest, shared_sites: SharedSites) -> Two:
    """The sites that all tests share: the new one is of the set-up, the old one of the simplest."""
    old = shared_sites.get(f"site-{PLAIN}", apis=1, workers=1, environment=dict)
    new = shared_sites.get(
        f"wide-{request.param}", apis=2, workers=2, environment=lambda: environment_of(request.param, request)
    )
    return Two(Residents(old), Residents(new))


@pytest.fixture(scope="session")
def new(shared_sites: SharedSites, tmp_path_factory: pytest.TempPathFactory) -> Residents:
    """A new Safelight with the plans of `tests.support.accounts_fixture`, which takes small files alone."""

    def environment() -> dict[str, str]:
        plans_file = tmp_path_factory.mktemp("plans") / "plans.toml"
        plans_file.write_text(PLANS)
        return {"SAFELIGHT_PLANS_FILE": str(plans_file), "SAFELIGHT_MAX_UPLOAD_BYTES": str(MAX_UPLOAD_BYTES)}

    return Residents(shared_sites.get("moving", apis=1, workers=1, environment=environment))


@pytest.fixture
async def person(new: Residents) -> Person:
    """A person that moves in, with an empty account."""
    return await new.add()


@pytest.fixture
def moving(new: Residents, person: Person, tmp_path: Path) -> Moving:
    """Moves an old account into this person's; Cloudflare's, where nothing else is said."""

    def make(old_url: str, system: str = "cloudflare", *more: str | Path, key: str = "old-key") -> Mover:
        options = ("--account", "any") if system == "cloudflare" else ()
        return Mover(old_url, key, new.site, person.key, tmp_path, system, *options, *more)

    return make
