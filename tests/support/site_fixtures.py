"""The same suites on both set-ups: SQLite with a directory, PostgreSQL with S3."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers.postgres import PostgresServer
from tests.support.servers.prepared import create_prepared
from tests.support.servers.redis import run_redis
from tests.support.servers.s3 import S3Server
from tests.support.site import Site, run_site

SET_UPS = ["sqlite+directory", "postgresql+s3"]


def environment_of(set_up: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings that make a set-up; its servers are started when they are first needed."""
    if set_up == "sqlite+directory":
        return {}
    postgres: PostgresServer = request.getfixturevalue("postgres_server")
    s3: S3Server = request.getfixturevalue("s3_server")
    return {
        "SAFELIGHT_DATABASE_URL": create_prepared(postgres),
        "SAFELIGHT_STORE_URL": s3.url(s3.create_bucket()),
    }


@pytest.fixture(scope="module", params=SET_UPS)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One API and one worker, shared by a module's tests."""
    data_dir: Path = tmp_path_factory.mktemp("site")
    environment = environment_of(request.param, request)
    with run_redis() as redis, run_site(data_dir, redis_url=redis.url, environment=environment) as running:
        yield running


@pytest.fixture(scope="module", params=SET_UPS)
def wide_site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two APIs and two workers."""
    data_dir: Path = tmp_path_factory.mktemp("wide-site")
    environment = environment_of(request.param, request)
    with (
        run_redis() as redis,
        run_site(data_dir, redis_url=redis.url, apis=2, workers=2, environment=environment) as running,
    ):
        yield running
