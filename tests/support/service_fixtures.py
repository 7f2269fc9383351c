"""The services of one process on a new SQLite and a directory, without HTTP.

All but `shelf` live in the loop of the session, as the cage does; so do the tests that use them.
"""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from app.container import Container, open_container
from app.domain.access import Principal
from app.jobs import RenderQueue, open_queue
from app.rendering.sandbox import Cage
from app.services.uploads import importing
from app.settings import Settings
from tests.support.fetch_hosts import Host, reply, running_host
from tests.support.library_fixture import Shelf, open_shelf
from tests.support.on_demand_harness import Demand
from tests.support.servers.prepared import API_KEY, FILE_NAME, prepare_database, prepared_file
from tests.support.servers.redis import RedisServer
from tests.support.site_fixtures import SET_UPS, environment_of
from tests.support.upload_harness import Workbench, make_workbench
from tests.support.url_import_harness import PICTURE, Imports
from tests.support.waiting import LIMIT_S

in_session = partial(pytest_asyncio.fixture, loop_scope="session")


@in_session()
async def container(tmp_path: Path, redis_server: RedisServer, unhurried: None) -> AsyncIterator[Container]:
    """Every part, and the first account."""
    settings = Settings(
        data_dir=tmp_path,
        redis_url=redis_server.url,
        secret=SecretStr("x" * 32),
        max_upload_bytes=200_000,
        render_lease_s=LIMIT_S,
        _env_file=None,
    )
    (tmp_path / FILE_NAME).write_bytes(prepared_file())
    async with open_container(settings) as opened:
        yield opened


@in_session()
async def owner(container: Container) -> Principal:
    """The holder of the first account's key."""
    return await container.accounts.authenticate(API_KEY)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.second_set_up)])
async def shelf(
    request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer, unhurried: None
) -> AsyncIterator[Shelf]:
    """The library's services on either database."""
    if request.param == "postgresql":
        url = request.getfixturevalue("prepared_postgres")
    else:
        url = f"sqlite+aiosqlite:///{tmp_path / FILE_NAME}"
        (tmp_path / FILE_NAME).write_bytes(prepared_file())
    async with open_shelf(url, redis_server.url, tmp_path / "objects") as opened:
        yield opened


@in_session()
async def host() -> AsyncIterator[Host]:
    async with running_host() as host:
        yield host


@in_session()
async def canary() -> AsyncIterator[Host]:
    async with running_host("127.0.0.1") as canary:
        canary.will("/", reply(200, PICTURE))
        yield canary


@in_session()
async def queue(container: Container) -> AsyncIterator[RenderQueue]:
    redis = open_queue(container.settings.redis_url or "")
    yield RenderQueue(redis)
    await redis.aclose(close_connection_pool=True)


@pytest.fixture
def imports(
    container: Container,
    queue: RenderQueue,
    owner: Principal,
    host: Host,
    canary: Host,
    monkeypatch: pytest.MonkeyPatch,
) -> Imports:
    """Both sides of imports, whose tries follow each other soon."""
    monkeypatch.setattr(importing, "_PAUSES_S", (0.05, 0.05))
    return Imports(container, queue, owner, host.port, canary.port)


@pytest.fixture
def bench(container: Container, owner: Principal, cage: Cage) -> Workbench:
    """The services, with a worker that works when a test says so."""
    return make_workbench(container, owner, cage)


@in_session(params=SET_UPS)
async def demand(
    request: pytest.FixtureRequest, tmp_path: Path, redis_url: str, cage: Cage, unhurried: None
) -> AsyncIterator[Demand]:
    """Two processes' services and a worker, on either set-up; five misses a minute."""
    environment = environment_of(request.param, request)
    settings = Settings(
        data_dir=tmp_path,
        redis_url=redis_url,
        secret=SecretStr("x" * 32),
        misses_per_minute=5,
        database_url=environment.get("SAFELIGHT_DATABASE_URL"),
        store_url=environment.get("SAFELIGHT_STORE_URL"),
        render_lease_s=LIMIT_S,
        _env_file=None,
    )
    prepare_database({**environment, "SAFELIGHT_DATA_DIR": str(tmp_path)})
    async with open_container(settings) as first, open_container(settings) as second:
        owner = await first.accounts.authenticate(API_KEY)
        demand = Demand(make_workbench(first, owner, cage), second)
        await demand.set_flexible(True)
        yield demand
