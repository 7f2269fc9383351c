"""/metrics: who may read it, and what is counted when it is asked for."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.pictures import make_jpeg
from tests.support.raw_http import open_wire
from tests.support.servers.ports import find_free_port
from tests.support.servers.redis import RedisServer, run_redis
from tests.support.site import Site, run_site
from tests.support.waiting import LIMIT_S, eventually

TOKEN = "a-token-of-the-tests-0123456789"
PROXIED = [
    {"X-Forwarded-For": "203.0.113.7"},
    {"Forwarded": "for=203.0.113.7"},
    {"X-Real-IP": "203.0.113.7"},
    {"X-Forwarded-Proto": "https"},
    {"Via": "1.1 proxy"},
    {"Host": "img.example.org"},
]


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with run_redis() as server:
        yield server


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Site]:
    """A site with a token, whose worker has a port for its figures."""
    environment = {"SAFELIGHT_METRICS_TOKEN": TOKEN, "SAFELIGHT_METRICS_PORT": str(find_free_port())}
    with run_site(tmp_path_factory.mktemp("guarded"), redis_url=redis.url, environment=environment) as site:
        yield site


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=LIMIT_S) as client:
        yield client


@pytest.mark.parametrize("headers", PROXIED)
async def test_without_a_token_requests_of_proxies_are_refused(
    site: Site, http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    direct = await http.get(f"{site.base_url}/metrics")
    proxied = await http.get(f"{site.base_url}/metrics", headers=headers)

    assert direct.status_code == 200
    assert (proxied.status_code, proxied.json()["code"]) == (403, "FORBIDDEN")
    assert "SAFELIGHT_METRICS_TOKEN" in proxied.json()["message"]


async def test_a_proxy_that_adds_nothing_speaks_http_1_0_and_is_refused(site: Site) -> None:
    host = urlsplit(site.base_url).netloc
    async with open_wire(site.base_url) as wire:
        await wire.send(f"GET /metrics HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        answer = await wire.read_answer()

    assert answer.status == 403


async def test_the_token_opens_both_and_nothing_else_does(guarded: Site, http: httpx.AsyncClient) -> None:
    worker_url = f"http://127.0.0.1:{guarded.environment['SAFELIGHT_METRICS_PORT']}"
    for base in (guarded.base_url, worker_url):
        right = await http.get(f"{base}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        wrong = [
            await http.get(f"{base}/metrics", headers=headers)
            for headers in ({}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Basic {TOKEN}"})
        ]

        assert right.status_code == 200
        assert "safelight_renders_total" in right.text
        assert {answer.status_code for answer in wrong} == {401}
    # What compose asks for the health of a worker.
    assert (await http.get(f"{worker_url}/healthz")).status_code == 200


async def test_the_port_of_a_worker_is_on_the_address_of_the_settings(guarded: Site) -> None:
    port = int(guarded.environment["SAFELIGHT_METRICS_PORT"])

    assert _listening_addresses(port) == ["127.0.0.1"]


async def test_the_queue_is_counted_while_no_worker_lives(tmp_path: Path, http: httpx.AsyncClient) -> None:
    with run_redis() as redis, run_site(tmp_path / "data", redis_url=redis.url) as site:
        (worker,) = site.workers
        assert worker.stop() == 0
        async with site.client() as client:
            session = await client.open_session(len(content := make_jpeg(300, 200)))
            sending = asyncio.create_task(client.send(session, content))

            async def waits() -> bool:
                found = await _read(http, site)
                return found.get('safelight_queue_depth{state="planned"}', 0) > 0

            await eventually(waits)
            found = await _read(http, site)
            assert found['safelight_queue_depth{state="rendering"}'] == 0
            assert found['safelight_queue_oldest_seconds{state="planned"}'] >= 0
            assert found['safelight_part_up{part="database"}'] == 1
            assert found["safelight_disk_free_bytes"] > 0

            async def is_without_workers() -> bool:
                found = await _read(http, site)
                return found["safelight_workers"] == 0 and found['safelight_part_up{part="worker"}'] == 0

            await eventually(is_without_workers)
            worker.start()
            await sending
            await client.wait_complete(session.image_id)

            async def is_done() -> bool:
                found = await _read(http, site)
                return found['safelight_queue_depth{state="planned"}'] == 0 and found["safelight_workers"] == 1

            await eventually(is_done)


async def test_figures_name_the_part_that_is_away(tmp_path: Path, http: httpx.AsyncClient) -> None:
    with run_redis() as redis, run_site(tmp_path / "data", redis_url=redis.url) as site:
        redis.kill()

        async def is_named() -> bool:
            found = await _read(http, site)
            return found['safelight_part_up{part="redis"}'] == 0 and found['safelight_part_up{part="database"}'] == 1

        await eventually(is_named)


async def _read(http: httpx.AsyncClient, site: Site) -> dict[str, float]:
    answer = await http.get(f"{site.base_url}/metrics")
    assert answer.status_code == 200
    lines = re.findall(r"^(safelight_\S+) (\S+)$", answer.text, re.MULTILINE)
    return {name: float(value) for name, value in lines}


def _listening_addresses(port: int) -> list[str]:
    """Addresses on which this machine listens at a port, by the kernel's own table."""
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        address, state = line.split()[1], line.split()[3]
        host, _, number = address.partition(":")
        if int(number, 16) == port and state == "0A":
            found.append(".".join(str(byte) for byte in reversed(bytes.fromhex(host))))
    return found
