"""An old Safelight that plays the four systems, and a new one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import SET_UPS, environment_of
from tests.e2e.servers import run_site
from tests.moving.accounts import Two
from tests.people import PLANS, Residents
from tests.servers.redis import run_redis


@pytest.fixture(scope="module", params=SET_UPS)
def two(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """The new one is of the set-up; the old one of the simplest."""
    old_dir: Path = tmp_path_factory.mktemp("old")
    new_dir: Path = tmp_path_factory.mktemp("new")
    plans_file = new_dir / "plans.toml"
    plans_file.write_text(PLANS)
    environment = environment_of(request.param, request) | {"SAFELIGHT_PLANS_FILE": str(plans_file)}
    with (
        run_redis() as old_redis,
        run_redis() as new_redis,
        run_site(old_dir, redis_url=old_redis.url) as old,
        run_site(new_dir, redis_url=new_redis.url, environment=environment) as new,
    ):
        yield Two(Residents(old), Residents(new))
