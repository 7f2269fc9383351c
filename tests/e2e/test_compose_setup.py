"""The set-up of compose.yaml as plain processes: its commands and settings, on the tests' own servers and nginx."""

import asyncio
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest

from app.services.delivery.deliverables import MAX_KEPT_BODY_BYTES
from tests.support.client import OPEN_SESSION, Client
from tests.support.command_runner import Running, started
from tests.support.compose_file import SECRETS, environment_of, load_compose
from tests.support.paths import ROOT
from tests.support.pictures import make_jpeg
from tests.support.raw_http import open_wire
from tests.support.scenario import Journey, ask, travel
from tests.support.served_image import assert_not_kept, make_noisy
from tests.support.servers.deployed_nginx import run_deployed_nginx
from tests.support.servers.ports import find_free_port
from tests.support.servers.postgres import PostgresServer
from tests.support.servers.redis import run_redis
from tests.support.servers.s3 import S3Server
from tests.support.waiting import LIMIT_S, eventually

KEY = SECRETS["SAFELIGHT_BOOTSTRAP_KEY"]


@dataclass(frozen=True, slots=True)
class SetUp:
    """What runs."""

    url: str
    """nginx's, as clients see it."""
    metrics_port: int
    api_port: int
    api: Running
    worker: Running


@pytest.fixture(scope="module")
def set_up(
    postgres_server: PostgresServer, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SetUp]:
    """One for all tests; at its end both programs must obey SIGTERM as Docker sends it."""
    services, folder = load_compose(SECRETS)["services"], tmp_path_factory.mktemp("compose")
    public_url = f"http://127.0.0.1:{find_free_port()}"
    port, metrics_port = find_free_port(), find_free_port()
    with run_redis() as redis, ExitStack() as stack:
        # The same settings; only where the other servers are is this machine's own.
        here = {
            "SAFELIGHT_HOST": "127.0.0.1",
            "SAFELIGHT_PORT": str(port),
            "SAFELIGHT_BASE_URL": public_url,
            "SAFELIGHT_DATABASE_URL": postgres_server.url(postgres_server.create_database()),
            "SAFELIGHT_REDIS_URL": redis.url,
            "SAFELIGHT_STORE_URL": s3_server.url("safelight-compose"),
            "SAFELIGHT_WORKERS": "1",
            "SAFELIGHT_TRUSTED_PROXIES": "127.0.0.1",
            # Guests are counted by their addresses.
            "SAFELIGHT_GUEST_UPLOADS": "1",
            "PYTHONPATH": str(ROOT),
        }

        def start(name: str, **more: str) -> Running:
            environment = environment_of(services[name]) | here | {"SAFELIGHT_DATA_DIR": str(folder / name)} | more
            return stack.enter_context(
                started([sys.executable, "-m", "app", *services[name]["command"]], environment, folder)
            )

        migrate = start("migrate")
        assert migrate.wait() == 0, migrate.lines
        api, worker = start("api"), start("worker", SAFELIGHT_METRICS_PORT=str(metrics_port))
        nginx_port = int(public_url.rpartition(":")[2])
        deployed = run_deployed_nginx(api_port=port, port=nginx_port, s3_endpoint=s3_server.endpoint)
        stack.enter_context(deployed)
        asyncio.run(_wait_until_ready(f"http://127.0.0.1:{port}", api, worker))
        yield SetUp(public_url, metrics_port, port, api, worker)
        for program in (api, worker):
            assert program.end(signal.SIGTERM) == 0, program.lines


async def _wait_until_ready(url: str, *programs: Running) -> None:
    async def is_ready() -> bool:
        for program in programs:
            assert program.process.poll() is None, program.lines
        return (await _get(f"{url}/readyz")).status_code == 200

    await eventually(is_ready, ignoring=(httpx.TransportError,))


async def _get(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=LIMIT_S) as client:
        return await client.get(url, headers=headers)


def _small(journey: Journey) -> str:
    return next(url for url in journey.urls if "/webp/small" in url)


def test_picture_goes_the_whole_way_through_nginx(set_up: SetUp) -> None:
    journey = asyncio.run(travel(set_up.url, KEY, make_jpeg(1200, 900)))

    assert journey.events[-1]["complete"] is True
    small = _small(journey)
    first = asyncio.run(_get(small))
    second = asyncio.run(_get(small))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert first.headers["x-cache-status"] == "MISS"
    states = {asyncio.run(_get(small)).headers["x-cache-status"] for _ in range(20)}
    assert "HIT" in states
    assert states <= {"HIT", "MISS"}
    assert second.headers["cache-control"].startswith("public, max-age=172800")
    part = asyncio.run(_get(small, Range="bytes=0-9"))
    assert (part.status_code, len(part.content)) == (206, 10)
    unchanged = asyncio.run(_get(small, **{"If-None-Match": first.headers["etag"]}))
    assert unchanged.status_code == 304


def test_large_originals_are_sent_by_nginx_from_the_store_and_kept_there(set_up: SetUp) -> None:
    content = make_noisy()
    journey = asyncio.run(travel(set_up.url, KEY, content))
    original = next(url for url in journey.urls if "/original/" in url)

    first, second = (asyncio.run(_get(original)) for _ in range(2))
    part = asyncio.run(_get(original, Range="bytes=1000-1999"))

    assert [answer.headers["x-cache-status"] for answer in (first, second, part)] == ["MISS", "HIT", "HIT"]
    assert first.content == second.content
    assert len(first.content) > MAX_KEPT_BODY_BYTES
    assert (part.status_code, part.content) == (206, first.content[1000:2000])
    assert part.headers["etag"] == first.headers["etag"]
    assert asyncio.run(_get(original, **{"If-None-Match": first.headers["etag"]})).status_code == 304


def test_nginx_keeps_an_answer_for_each_accept(set_up: SetUp) -> None:
    journey = asyncio.run(travel(set_up.url, KEY, make_jpeg(640, 480)))
    short_id = asyncio.run(ask(set_up.url, KEY, f'{{ image(id: "{journey.image_id}") {{ shortId }} }}'))["image"][
        "shortId"
    ]
    address = f"{set_up.url}/cdn/i/{short_id}/small"
    wanted = {"image/webp,*/*;q=0.5": "image/webp", "image/jpeg": "image/jpeg"}

    for accept, media_type in [*wanted.items(), *wanted.items()] * 3:
        answer = asyncio.run(_get(address, Accept=accept))
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
        assert answer.headers["vary"] == "Accept"


def test_what_is_not_public_is_never_kept_by_nginx(set_up: SetUp) -> None:
    missing = f"{set_up.url}/f/0198c0de-0000-7000-8000-000000000001/webp/small.webp"
    journey = asyncio.run(travel(set_up.url, KEY, make_jpeg(400, 300)))

    answers = [asyncio.run(_get(missing)) for _ in range(2)]
    owners = [asyncio.run(_get(_small(journey), Authorization=f"Bearer {KEY}")) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert [answer.headers["x-cache-status"] for answer in answers] == ["MISS", "MISS"]
    # Those are not even looked for.
    assert ["x-cache-status" in answer.headers for answer in owners] == [False, False]


@contextmanager
def _store_that_refuses() -> Iterator[str]:
    yield f"127.0.0.1:{find_free_port()}"


@contextmanager
def _store_that_hangs() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("store_away", [_store_that_refuses, _store_that_hangs])
def test_store_that_is_away_is_told_of_in_an_answer_that_no_cache_keeps(
    set_up: SetUp, store_away: Callable[[], AbstractContextManager[str]]
) -> None:
    journey = asyncio.run(travel(set_up.url, KEY, make_noisy()))
    original = next(urlsplit(url).path for url in journey.urls if "/original/" in url)

    with store_away() as endpoint, run_deployed_nginx(api_port=set_up.api_port, s3_endpoint=endpoint) as nginx:
        answer = asyncio.run(_get(f"{nginx.url}{original}"))

    # A store that hangs does so without end: that there is an answer is nginx's doing.
    assert_not_kept(answer)


@pytest.mark.parametrize(
    ("first_line", "protocol", "body", "is_passed_on"),
    [
        ("GET /graphql", "websocket", b"", True),
        ("GET /graphql", "websocket", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", False),
        ("POST /graphql", "websocket", b"", False),
        ("GET /graphql", "foo", b"", False),
        ("GET /f/x/webp/small.webp", "websocket", b"", False),
        ("GET /f/x/original/original.jpg", "h2c", b"", False),
        ("GET /", "foo", b"", False),
    ],
)
def test_only_handshakes_of_sockets_may_change_the_protocol(
    first_line: str, protocol: str, body: bytes, is_passed_on: bool
) -> None:
    async def ask_stub() -> bytes:
        heads: list[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            writer.close()

        stub = await asyncio.start_server(answer, "127.0.0.1", 0)
        with run_deployed_nginx(api_port=stub.sockets[0].getsockname()[1]) as nginx:
            async with stub, open_wire(nginx.url) as wire:
                length = {"Content-Length": str(len(body))} if body else {}
                method, target = first_line.split()
                await wire.send_head(method, target, {"Upgrade": protocol, "Connection": "Upgrade", **length})
                await wire.send(body)
                await wire.read_answer(has_body=False)
        return heads[0].lower()

    head = asyncio.run(ask_stub())

    assert (b"\r\nupgrade:" in head, b"\r\nconnection: upgrade" in head) == (is_passed_on, is_passed_on)


@pytest.mark.parametrize("protocol", ["foo", "websocket"])
def test_what_stands_in_a_body_is_no_request_of_the_next_client(set_up: SetUp, protocol: str) -> None:
    async def smuggle() -> list[int]:
        hidden = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        head = {"Upgrade": protocol, "Connection": "Upgrade", "Content-Length": str(len(hidden))}
        async with Client(set_up.url, KEY) as client:
            session = await client.open_session(1000)
        url = session.urls["WEBP", "small"]
        async with AsyncExitStack() as stack:
            wires = [await stack.enter_async_context(open_wire(set_up.url)) for _ in range(8)]
            for wire in wires:
                await wire.send_head("GET", f"{urlsplit(url).path}?wait=1", head)
            for wire in wires:
                await wire.send(hidden)
            slow = [(await wire.read_answer(has_body=False)).status for wire in wires]
            return slow + [(await _get(f"{set_up.url}/f/nothing")).status_code for _ in range(16)]

    statuses = asyncio.run(smuggle())

    assert 200 not in statuses


def test_clients_are_told_apart_by_the_address_that_nginx_saw(set_up: SetUp) -> None:
    async def left(local_address: str, **headers: str) -> int:
        transport = httpx.AsyncHTTPTransport(local_address=local_address)
        async with httpx.AsyncClient(base_url=set_up.url, transport=transport, timeout=LIMIT_S) as client:
            asked = {"query": OPEN_SESSION, "variables": {"input": {"fileSize": 1000}}}
            answer = await client.post("/graphql", json=asked, headers=headers)
        return int(answer.headers["x-ratelimit-remaining"])

    async def count() -> list[int]:
        first, second = await left("127.0.0.2"), await left("127.0.0.3")
        return [first, second, await left("127.0.0.2", **{"X-Forwarded-For": "127.0.0.4"})]

    first, second, forged = asyncio.run(count())

    assert (second, forged) == (first, first - 1)


def test_figures_are_shown_inside_and_not_outside(set_up: SetUp) -> None:
    asyncio.run(travel(set_up.url, KEY, make_jpeg(402, 300)))

    outside = asyncio.run(_get(f"{set_up.url}/metrics"))
    inside = asyncio.run(_get(f"http://127.0.0.1:{set_up.metrics_port}/metrics"))

    assert outside.status_code == 404
    assert inside.status_code == 200
    assert re.search(r"^safelight_renders_total\{.*ready.*\} [1-9]", inside.text, re.MULTILINE)
