"""Running sites that tests share: one of each kind and set-up in a test process, one account for each test module.

What a module makes belongs to its account, so that modules do not meet. Tests that stop processes or change settings
start a site of their own with `run_site`.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.residents import Residents
from tests.support.servers.postgres import PostgresServer
from tests.support.servers.prepared import create_prepared
from tests.support.servers.redis import run_redis
from tests.support.servers.s3 import S3Server
from tests.support.site import Site, run_site

PLAIN, DISTRIBUTED = "sqlite+directory", "postgresql+s3"
SET_UPS = [PLAIN, pytest.param(DISTRIBUTED, marks=pytest.mark.second_set_up)]
"""What suites of clients run on. `make test` leaves the second out where a module is not marked `both_set_ups`."""
SHARED_SETTINGS = {
    # All tests come from one address, whose budget is not their subject.
    "SAFELIGHT_MISSES_PER_MINUTE": "1000000",
    "SAFELIGHT_HEAD_TIMEOUT_S": "2",
    "SAFELIGHT_SWEEP_EVERY_S": "1",
}


def environment_of(set_up: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings that make a set-up; its servers are started when they are first needed."""
    if set_up == PLAIN:
        return {}
    postgres: PostgresServer = request.getfixturevalue("postgres_server")
    s3: S3Server = request.getfixturevalue("s3_server")
    return {
        "SAFELIGHT_DATABASE_URL": create_prepared(postgres),
        "SAFELIGHT_STORE_URL": s3.url(s3.create_bucket()),
    }


class SharedSites:
    """Sites that start when they are first asked for, and end with the test process."""

    def __init__(self, stack: ExitStack, make_folder: Callable[[str], Path]) -> None:
        self._stack = stack
        self._make_folder = make_folder
        self._running: dict[str, Site] = {}

    def get(self, name: str, *, apis: int, workers: int, environment: Callable[[], Mapping[str, str]]) -> Site:
        """The site of this name, for tests that begin now, with an account of their own."""
        if name not in self._running:
            redis = self._stack.enter_context(run_redis())
            site = run_site(
                self._make_folder(name.replace("+", "-")),
                redis_url=redis.url,
                apis=apis,
                workers=workers,
                environment={**SHARED_SETTINGS, **environment()},
            )
            self._running[name] = self._stack.enter_context(site)
        return view_of(self._running[name])


def view_of(site: Site) -> Site:
    """A running site as the next tests see it: with the key of a new account."""
    person = asyncio.run(Residents(site).add_owner())
    return site.seen_from_now(person.key)


@pytest.fixture(scope="session")
def shared_sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedSites]:
    """All sites that the tests of this process share."""
    with ExitStack() as stack:
        yield SharedSites(stack, tmp_path_factory.mktemp)


@pytest.fixture(scope="module", params=SET_UPS)
def site(request: pytest.FixtureRequest, shared_sites: SharedSites) -> Site:
    """One API and one worker."""
    return shared_sites.get(
        f"site-{request.param}", apis=1, workers=1, environment=lambda: environment_of(request.param, request)
    )


@pytest.fixture(scope="module", params=SET_UPS)
def wide_site(request: pytest.FixtureRequest, shared_sites: SharedSites) -> Site:
    """Two APIs and two workers."""
    return shared_sites.get(
        f"wide-{request.param}", apis=2, workers=2, environment=lambda: environment_of(request.param, request)
    )
