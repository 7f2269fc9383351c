"""Servers behind a proxy: addresses, hosts and origins other than those that the server listens on."""

import json
import logging
import socket
from collections.abc import Iterator
from urllib.parse import urljoin

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response
from websockets.typing import Subprotocol

from app.routes.throttled_log import MAX_CAUSES, ThrottledWarning
from app.settings import load_settings
from tests.support.client import UNHURRIED
from tests.support.further_api import further_api
from tests.support.http_client import open_http
from tests.support.raw_http import open_wire
from tests.support.site import Site
from tests.support.site_logs import faults_of
from tests.support.tus import TUS, key_of

BASE, CDN = "img.example.test", "cdn.example.test"
HANDSHAKE = {
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Protocol": "graphql-transport-ws",
}


@pytest.fixture(scope="module")
def proxied(site: Site) -> Iterator[Site]:
    """An API with public addresses and a trusted proxy on this machine."""
    settings = {
        "SAFELIGHT_BASE_URL": f"https://{BASE}",
        "SAFELIGHT_CDN_URL": f"https://{CDN}/pictures",
        "SAFELIGHT_TRUSTED_PROXIES": "127.0.0.1",
    }
    with further_api(site, **settings) as served:
        yield served
        assert faults_of(served) == []


def warnings_of(site: Site, event: str) -> list[dict[str, object]]:
    lines = [line for line in site.apis[0].log.splitlines() if f'"{event}"' in line]
    return [json.loads(line) for line in lines]


async def get(site: Site, path: str = "/oembed", **headers: str) -> httpx.Response:
    async with open_http(site.base_url) as client:
        return await client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def hosts_warned_of(site: Site) -> list[object]:
    return [line["host"] for line in warnings_of(site, "request_host_differs")]


async def test_requests_to_another_host_are_logged_once_with_both_names(proxied: Site) -> None:
    for _ in range(5):
        await get(proxied, Host="photos.example.test")
        await get(proxied, Host="10.0.0.7:8000")
        await get(proxied, Host=BASE, X_Forwarded_Host="forwarded.example.test")
        await get(proxied, Host="api:8000", Forwarded='for=1.2.3.4; host="standard.example.test:81"')

    wanted = ["photos.example.test", "10.0.0.7:8000", "forwarded.example.test", "standard.example.test:81"]
    assert [host for host in hosts_warned_of(proxied) if host in wanted] == wanted
    line = warnings_of(proxied, "request_host_differs")[0]
    assert (line["level"], line["base_url"]) == ("WARNING", f"https://{BASE}")
    assert "SAFELIGHT_BASE_URL" in str(line["remedy"])


async def test_requests_to_the_public_hosts_and_probes_are_no_reason_to_warn(proxied: Site) -> None:
    before = hosts_warned_of(proxied)
    for host in (BASE, f"{BASE}:443", BASE.upper(), f"{BASE}.", CDN):
        await get(proxied, Host=host)
        await get(proxied, Host="api:8000", X_Forwarded_Host=host)
    for path in ("/healthz", "/readyz", "/metrics"):
        await get(proxied, path, Host="172.17.0.2:8000")

    assert hosts_warned_of(proxied) == before


async def test_what_an_untrusted_client_forwards_is_not_believed(site: Site) -> None:
    await get(site, X_Forwarded_Host="invented.example.test")

    assert "invented.example.test" not in hosts_warned_of(site)


def test_invented_hosts_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    warning = ThrottledWarning(logging.getLogger("tests"), "request_host_differs")
    for number in range(10_000):
        warning.report(f"{number}.example.test", host=number)

    assert len(caplog.records) == MAX_CAUSES


@pytest.mark.parametrize("path", ["", "/safelight"])
async def test_the_address_of_a_new_tus_upload_is_relative(site: Site, path: str) -> None:
    with further_api(site, SAFELIGHT_BASE_URL=f"https://{BASE}{path}") as served:
        async with open_http(served.base_url) as client:
            answer = await client.post("/upload", headers={**TUS, **key_of(site), "Upload-Length": "100"})

            location = answer.headers["location"]
            assert urljoin(f"http://other.test{path}/upload", location).startswith(f"http://other.test{path}/upload/")
            assert (await client.head(location.removeprefix(path), headers=TUS)).status_code == 200


async def open_socket(site: Site, **headers: str) -> None:
    url = site.base_url.replace("http", "ws", 1) + "/graphql"
    async with connect(
        url, subprotocols=[Subprotocol("graphql-transport-ws")], additional_headers=headers, **UNHURRIED
    ) as opened:
        await opened.send('{"type":"connection_init"}')
        assert json.loads(await opened.recv()) == {"type": "connection_ack"}


async def refusal_of(site: Site, **headers: str) -> Response:
    with pytest.raises(InvalidStatus) as refused:
        await open_socket(site, **headers)
    return refused.value.response


@pytest.mark.parametrize("origin", [f"https://{BASE}", f"https://{CDN}", f"https://{BASE}:443"])
async def test_sockets_of_the_servers_own_pages_open_whatever_host_the_proxy_sends(proxied: Site, origin: str) -> None:
    await open_socket(proxied, Origin=origin)


@pytest.mark.parametrize("origin", [f"http://{BASE}", f"https://{BASE}:8443", f"https://x.{BASE}", "null"])
async def test_a_refused_socket_has_a_body_and_a_warning_with_both_names(proxied: Site, origin: str) -> None:
    refusal = await refusal_of(proxied, Origin=origin)

    host = proxied.base_url.removeprefix("http://")
    message = json.loads(refusal.body)["errors"][0]["message"]
    assert refusal.status_code == 403
    assert origin in message
    assert host in message
    assert refusal.headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" in refusal.headers
    (line,) = [line for line in warnings_of(proxied, "websocket_origin_refused") if line["origin"] == origin]
    assert (line["level"], line["host"]) == ("WARNING", host)


@pytest.mark.parametrize("kept", [{}, {"Upgrade": "websocket"}, {"Connection": "upgrade"}, {"Connection": "close"}])
async def test_a_handshake_whose_upgrade_a_proxy_dropped_says_so(proxied: Site, kept: dict[str, str]) -> None:
    async with open_wire(proxied.base_url) as wire:
        await wire.send_head("GET", "/graphql", {**HANDSHAKE, **kept})
        answer = await wire.read_answer()

    assert (answer.status, answer.headers["upgrade"]) == (426, "websocket")
    assert "proxy" in answer.json["errors"][0]["message"]
    assert warnings_of(proxied, "websocket_upgrade_missing")


async def test_other_refused_handshakes_have_a_body_and_safe_headers(proxied: Site) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    wrong_version = {**HANDSHAKE, **upgrade, "Sec-WebSocket-Version": "7"}
    for path, headers in (("/nothing", {**HANDSHAKE, **upgrade}), ("/graphql", upgrade), ("/graphql", wrong_version)):
        async with open_wire(proxied.base_url) as wire:
            await wire.send_head("GET", path, headers)
            answer = await wire.read_answer()
        assert answer.status in {400, 403, 426}
        assert answer.body
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "content-security-policy" in answer.headers


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", f"http://{socket.gethostname()}:8000"),
        ("::", f"http://{socket.gethostname()}:8000"),
        ("0:0:0:0:0:0:0:0", f"http://{socket.gethostname()}:8000"),
        ("::1", "http://[::1]:8000"),
        ("fe80::1%eth0", "http://[fe80::1%25eth0]:8000"),
        ("2001:db8::7", "http://[2001:db8::7]:8000"),
        ("192.0.2.7", "http://192.0.2.7:8000"),
        ("photos.example.org", "http://photos.example.org:8000"),
    ],
)
def test_the_usual_address_can_be_opened(monkeypatch: pytest.MonkeyPatch, host: str, address: str) -> None:
    monkeypatch.setenv("SAFELIGHT_HOST", host)

    settings = load_settings()
    assert (settings.public_base_url, settings.public_cdn_url) == (address, f"{address}/cdn")


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
async def test_every_address_of_ipv6_is_every_address_of_ipv4_too(site: Site) -> None:
    with further_api(site, SAFELIGHT_HOST="::", SAFELIGHT_BASE_URL="") as served:
        port = served.environment["SAFELIGHT_PORT"]
        for name in ("127.0.0.1", "[::1]"):
            async with open_http(f"http://{name}:{port}") as client:
                document = (await client.get("/openapi.json")).json()
                assert document["servers"][0]["url"] == f"http://{socket.gethostname()}:{port}"
