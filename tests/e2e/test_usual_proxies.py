"""Behind each proxy for which deploy/ has a file: uploads, WebSockets, client addresses, figures that stay inside."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.client import OPEN_SESSION
from tests.support.pictures import make_jpeg
from tests.support.scenario import travel
from tests.support.servers.deployed_nginx import Around, run_nginx_of_deploy
from tests.support.servers.ports import find_free_port
from tests.support.servers.prepared import API_KEY
from tests.support.servers.programs import refuse
from tests.support.servers.redis import run_redis
from tests.support.servers.tls import make_certificate
from tests.support.servers.usual_proxies import NAMES, run_usual_proxy
from tests.support.site import Site, run_site
from tests.support.waiting import LIMIT_S, eventually

FULL = pytest.mark.full("`make test` has the nginx of deploy/; these are tried where the program is installed")


@pytest.fixture(scope="module")
def trusting_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that believes the proxies of this machine, and lets guests in, who are counted by their addresses."""
    environment = {"SAFELIGHT_TRUSTED_PROXIES": "127.0.0.1", "SAFELIGHT_GUEST_UPLOADS": "1"}
    with (
        run_redis() as redis,
        run_site(tmp_path_factory.mktemp("proxied"), redis_url=redis.url, environment=environment) as site,
    ):
        yield site


@pytest.fixture(scope="module", params=[pytest.param(name, marks=FULL) for name in NAMES])
def proxy(request: pytest.FixtureRequest, trusting_site: Site) -> Iterator[str]:
    with run_usual_proxy(request.param, api_port=_port_of(trusting_site)) as url:
        asyncio.run(_wait_until_it_passes(url))
        yield url


def test_image_goes_the_whole_way_through_the_proxy(proxy: str) -> None:
    journey = asyncio.run(travel(proxy, API_KEY, make_jpeg(1200, 900, noise=True)))

    assert journey.events[-1]["complete"] is True


def test_figures_stay_inside(proxy: str) -> None:
    assert httpx.get(f"{proxy}/metrics", timeout=LIMIT_S).status_code == 404


def test_clients_are_told_apart_and_cannot_name_another_address(proxy: str) -> None:
    first, second = asyncio.run(_count(proxy, "127.0.0.2")), asyncio.run(_count(proxy, "127.0.0.3"))
    forged = asyncio.run(_count(proxy, "127.0.0.2", **{"X-Forwarded-For": "127.0.0.4"}))

    assert (second, forged) == (first, first - 1)


def test_nginx_believes_the_outer_proxies_that_are_named_and_no_client(trusting_site: Site) -> None:
    # Of the clients 127.0.0.5 is the outer proxy.
    with run_nginx_of_deploy(Around(_port_of(trusting_site), outer_proxies=("127.0.0.5",))) as nginx:
        behind = asyncio.run(_count(nginx.url, "127.0.0.5", **{"X-Forwarded-For": "203.0.113.7"}))
        again = asyncio.run(_count(nginx.url, "127.0.0.5", **{"X-Forwarded-For": "1.2.3.4, 203.0.113.7"}))
        direct = asyncio.run(_count(nginx.url, "127.0.0.6", **{"X-Forwarded-For": "203.0.113.7"}))

    assert again == behind - 1
    assert direct == behind


def test_nginx_passes_heads_of_32_kib_and_reads_no_certificate_for_the_plain_port(trusting_site: Site) -> None:
    with run_nginx_of_deploy(Around(_port_of(trusting_site))) as nginx:
        answer = httpx.get(f"{nginx.url}/healthz", headers={"Cookie": "x" * 30_000}, timeout=LIMIT_S)

    assert answer.status_code == 200


def test_nginx_serves_tls_with_http_2(trusting_site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    certificate = make_certificate(tmp_path_factory.mktemp("tls"), address="127.0.0.1")
    tls_port = find_free_port()
    around = Around(_port_of(trusting_site), certificate=(certificate, certificate), tls_port=tls_port)
    with run_nginx_of_deploy(around) as nginx:
        answered = _curl_http_2(f"https://127.0.0.1:{tls_port}/healthz", str(certificate))
        plain = httpx.get(f"{nginx.url}/healthz", timeout=LIMIT_S)

    assert answered == "2 200"
    assert plain.status_code == 200


async def _count(url: str, local_address: str, **headers: str) -> int:
    transport = httpx.AsyncHTTPTransport(local_address=local_address)
    async with httpx.AsyncClient(base_url=url, transport=transport, timeout=LIMIT_S) as client:
        asked = {"query": OPEN_SESSION, "variables": {"input": {"fileSize": 1000}}}
        answer = await client.post("/graphql", json=asked, headers=headers)
    return int(answer.headers["x-ratelimit-remaining"])


async def _wait_until_it_passes(url: str) -> None:
    async def passes() -> bool:
        async with httpx.AsyncClient(timeout=LIMIT_S) as client:
            return (await client.get(f"{url}/healthz")).status_code == 200

    await eventually(passes, ignoring=(httpx.TransportError,))


def _curl_http_2(url: str, certificate: str) -> str:
    """Version and status, as curl tells them; httpx speaks HTTP/1.1."""
    curl = shutil.which("curl")
    if curl is None:
        refuse("no curl on this machine")
    command = [curl, "-s", "-o", "/dev/null", "--http2", "--cacert", certificate, "-w", "%{http_version} %{http_code}"]
    return subprocess.run([*command, url], capture_output=True, text=True, check=True, timeout=LIMIT_S).stdout


def _port_of(site: Site) -> int:
    return urlsplit(site.api_urls[0]).port or 0
