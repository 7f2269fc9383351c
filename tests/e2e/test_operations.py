"""For those who run it: health, readiness, metrics, the schema, and addresses that name nothing."""

from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.rendering.child.landlock import landlock_abi
from tests.support.graphql_client import SDL_PATH
from tests.support.pictures import make_jpeg
from tests.support.raw_http import open_wire
from tests.support.site import Site

pytestmark = pytest.mark.usefixtures("quiet")


async def test_it_says_that_it_is_alive_and_ready(stranger: httpx.AsyncClient) -> None:
    alive, ready = await stranger.get("/healthz"), await stranger.get("/readyz")

    assert (alive.status_code, alive.headers["cache-control"]) == (200, "no-store")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert ready.json()["checks"] == {"database": "ok", "redis": "ok", "store": "ok", "tmp": "ok", "worker": "ok"}
    assert ready.json()["sandbox"] == {"landlockAbi": landlock_abi()}
    assert ("landlock" in ready.json()["warnings"]) == (0 < landlock_abi() < 6)


async def test_the_metrics_count_what_happens(site: Site, stranger: httpx.AsyncClient) -> None:
    async with site.client() as client:
        before = await read_metrics(stranger)
        session = await client.upload(make_jpeg(222, 111))
        await client.wait_complete(session.image_id)
        await stranger.get(session.urls["WEBP", "small"])
        after = await read_metrics(stranger)

    created = 'safelight_uploads_total{outcome="created"}'
    assert after[created] - before.get(created, 0) == 1
    assert after["safelight_upload_bytes_total"] > before.get("safelight_upload_bytes_total", 0)
    names = "\n".join(after)
    for name in (
        "http_requests_total",
        "http_request_seconds",
        "deliveries_total",
        "subscribers",
        "push_delay_seconds",
    ):
        assert f"safelight_{name}" in names
    assert session.image_id not in names


async def test_the_schema_is_served_as_it_is_committed(stranger: httpx.AsyncClient) -> None:
    response = await stranger.get("/schema.graphql")

    assert response.status_code == 200
    assert response.text.strip() == SDL_PATH.read_text().strip()


@pytest.mark.parametrize("path", ["/nothing", "/upload/", "/upload/a/b", "/healthz/x", "/%00", "/..%2f", "/é"])
async def test_an_address_of_nothing_is_404_in_json(stranger: httpx.AsyncClient, path: str) -> None:
    response = await stranger.get(path)

    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")
    assert set(response.json()) == {"code", "message", "details", "request_id"}
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/schema.graphql"])
async def test_a_method_that_is_not_taken_is_405_and_names_those_that_are(
    stranger: httpx.AsyncClient, path: str
) -> None:
    response = await stranger.delete(path)

    assert (response.status_code, response.json()["code"]) == (405, "INVALID_REQUEST")
    assert "GET" in response.headers["allow"]


async def test_requests_that_are_none_are_400_and_hurt_nobody(site: Site, stranger: httpx.AsyncClient) -> None:
    heads = [
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
        b"NONSENSE\r\n\r\n",
    ]
    for head in heads:
        async with open_wire(site.base_url) as wire:
            await wire.send(head)
            answer = await wire.read_answer(has_body=False)
        assert 400 <= answer.status < 500, head[:60]

    assert (await stranger.get("/healthz")).status_code == 200


async def test_the_hostile_paths_of_the_corpus_find_nothing(
    site: Site, stranger: httpx.AsyncClient, corpus: Path
) -> None:
    paths = httpx.Response(200, content=(corpus / "hostile" / "cdn" / "cdn_paths_a.json").read_bytes()).json()
    for path in paths:
        for prefix in ("", "/f", "/images"):
            async with open_wire(site.base_url) as wire:
                await wire.send_head("GET", prefix + path, {})
                answer = await wire.read_answer(has_body=False)
            assert answer.status in {301, 400, 403, 404, 414}, (prefix, path)


async def read_metrics(stranger: httpx.AsyncClient) -> dict[str, float]:
    response = await stranger.get("/metrics")
    assert response.status_code == 200
    found = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


async def test_browsers_and_search_engines_find_what_they_ask_of_every_server(site: Site) -> None:
    async with site.stranger() as stranger:
        icon, robots = [await stranger.http.get(path) for path in ("/favicon.ico", "/robots.txt")]

    assert (icon.status_code, icon.headers["Content-Type"]) == (200, "image/svg+xml")
    assert icon.content.startswith(b"<svg")
    assert (robots.status_code, robots.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    forbidden = [line.removeprefix("Disallow: ") for line in robots.text.splitlines() if line.startswith("Disallow")]
    assert "/graphql" in forbidden
    assert not any(place.startswith(path) for path in forbidden for place in ("/f/", "/i/", "/t/", "/cdn/", "/image/"))
