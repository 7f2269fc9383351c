"""Sites to break: on both set-ups, each with servers of its own where the fault is theirs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.app_commands import run_command, settings_of
from tests.support.servers.redis import RedisServer, run_redis
from tests.support.site import Site, run_site
from tests.support.site_fixtures import SET_UPS, environment_of

RECOVERY = {"SAFELIGHT_RENDER_LEASE_S": "3", "SAFELIGHT_SWEEP_EVERY_S": "0.5"}
"""A dead worker's images are taken over sooner than by default, which tests would wait for."""


@dataclass
class Broken:
    """A site, and the Redis that is its own."""

    site: Site
    redis: RedisServer


class MakeSite(Protocol):
    """Starts a site for one test."""

    def __call__(self, *, apis: int = 1, workers: int = 1, environment: dict[str, str] | None = None) -> Broken:
        """Running and ready."""
        ...


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose database is up to date; commands that are refused leave it so."""
    data_dir = tmp_path_factory.mktemp("migrated")
    lines, status = run_command("migrate", settings=settings_of(data_dir))
    assert status == 0, lines
    return data_dir


@pytest.fixture(params=SET_UPS)
def set_up(request: pytest.FixtureRequest) -> str:
    """SQLite and a directory, then PostgreSQL and S3."""
    return str(request.param)


@pytest.fixture
def make_site(request: pytest.FixtureRequest, set_up: str, tmp_path: Path) -> Iterator[MakeSite]:
    """Start a site of this set-up."""
    with ExitStack() as stack:
        yield _maker(stack, tmp_path, lambda: environment_of(set_up, request))


@pytest.fixture
def make_plain_site(tmp_path: Path) -> Iterator[MakeSite]:
    """Start a site on SQLite and a directory, unless `environment` says otherwise."""
    with ExitStack() as stack:
        yield _maker(stack, tmp_path, dict)


def _maker(stack: ExitStack, tmp_path: Path, base: Callable[[], dict[str, str]]) -> MakeSite:
    def make(*, apis: int = 1, workers: int = 1, environment: dict[str, str] | None = None) -> Broken:
        redis = stack.enter_context(run_redis())
        settings = {**base(), **RECOVERY, **(environment or {})}
        site = run_site(tmp_path / "data", redis_url=redis.url, apis=apis, workers=workers, environment=settings)
        return Broken(stack.enter_context(site), redis)

    return make
