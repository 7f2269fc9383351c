"""Bytes that others send: nginx by X-Accel-Redirect on both stores, S3 by a redirect. The answers are ours."""

import io
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.graphql_client import sha256_of
from tests.support.pictures import make_jpeg
from tests.support.served_image import ALWAYS, Served, assert_not_kept, make_noisy, serve
from tests.support.servers.deployed_nginx import run_deployed_nginx
from tests.support.servers.prepared import API_KEY
from tests.support.servers.redis import run_redis
from tests.support.servers.s3 import S3Server
from tests.support.site import Site, run_site
from tests.support.site_fixtures import SET_UPS, environment_of
from tests.support.waiting import LIMIT_S

HIDE = "mutation ($id: ID!) { updateImage(input: {id: $id, visibility: PRIVATE}) { image { id } } }"
SIGNED = 'query ($id: ID!) { image(id: $id) { signedUrl(family: ORIGINAL, size: "original") { url } } }'


@dataclass(frozen=True)
class Behind:
    """A site whose bytes another server sends, and where clients reach it."""

    site: Site
    url: str


@pytest.fixture(scope="module", params=SET_UPS)
def behind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    data_dir: Path = tmp_path_factory.mktemp("accel")
    settings = environment_of(request.param, request) | {"SAFELIGHT_DELIVERY": "accel"}
    store = urlsplit(settings.get("SAFELIGHT_STORE_URL", ""))
    with (
        run_redis() as redis,
        run_site(data_dir, redis_url=redis.url, environment=settings) as site,
        run_deployed_nginx(
            api_port=urlsplit(site.base_url).port or 0,
            objects_dir=data_dir / "objects",
            s3_endpoint=store.netloc.rpartition("@")[2] or "127.0.0.1:9",
        ) as nginx,
    ):
        yield Behind(site, nginx.url)


@pytest.fixture
async def served(behind: Behind) -> Served:
    async with behind.site.client() as client:
        content = make_noisy()
        # Asked of the API itself it would be sent empty, for nginx to fill.
        return await serve(client, content)


@pytest.fixture
async def front(behind: Behind) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=behind.url, timeout=LIMIT_S) as client:
        yield client


async def test_nginx_sends_the_bytes_with_every_header_of_ours(
    behind: Behind, served: Served, front: httpx.AsyncClient
) -> None:
    for _ in range(2):  # asked of the rows, and from memory
        async with httpx.AsyncClient(base_url=behind.site.base_url, timeout=LIMIT_S) as direct:
            told = await direct.get(served.large_path)
        response = await front.get(served.large_path)

        assert told.headers["x-accel-redirect"].startswith("/_objects/")
        assert told.content == b""
        # Neither kept itself nor, under names that nginx hands on with its errors, letting those be kept.
        assert told.headers["vary"] == "*"
        assert {"cache-control", "content-disposition", "content-type", "etag"}.isdisjoint(told.headers)
        assert response.status_code == 200
        assert {name: response.headers[name] for name in ALWAYS} == ALWAYS
        assert sha256_of(response.content).startswith(response.headers["etag"].strip('"'))
        assert response.headers["content-type"] == "image/jpeg"
        assert response.headers["content-length"] == str(len(response.content))
        assert response.headers["cache-control"] == "public, max-age=172800, stale-while-revalidate=7200"
        assert response.headers["content-disposition"] == "inline; filename*=UTF-8''a%20%22b%22%20%C3%A9.jpg"
        assert response.headers["last-modified"] == told.headers["x-picture-last-modified"]
        assert "x-accel-redirect" not in response.headers
        assert not [name for name in response.headers if name.startswith("x-picture-")]
        repeated = [name for name, _ in response.headers.raw]
        assert sorted(set(repeated)) == sorted(repeated)


async def test_small_pictures_come_from_memory_and_are_kept_by_nginx(served: Served, front: httpx.AsyncClient) -> None:
    states = set()
    for _ in range(20):
        response = await front.get(served.path)
        assert response.content == served.body
        states.add(response.headers["x-cache-status"])

    assert "HIT" in states


async def test_head_ranges_and_conditions_are_as_without_nginx(served: Served, front: httpx.AsyncClient) -> None:
    path = served.large_path
    whole = await front.get(path)
    content, etag, size = whole.content, whole.headers["etag"], len(whole.content)
    modified = whole.headers["last-modified"]

    head = await front.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-length", "content-type", "last-modified", "cache-control", "content-disposition"):
        assert head.headers[name] == whole.headers[name]

    async def part(value: str, **more: str) -> tuple[int, bytes]:
        response = await front.get(path, headers={"Range": value, **more})
        if response.status_code == 206:
            assert response.headers["content-range"].endswith(f"/{size}")
            assert response.headers["etag"] == etag
        return response.status_code, response.content

    assert await part("bytes=0-9") == (206, content[:10])
    assert await part("bytes=1000-") == (206, content[1000:])
    assert await part("bytes=-7") == (206, content[-7:])
    assert await part(f"bytes={size}-") == (416, b"")
    for ignored in ("bytes=abc", "bytes=0-1,5-6", "lines=0-3", "bytes=5-2"):
        assert await part(ignored) == (200, content)
    assert await part("bytes=0-9", **{"If-Range": etag}) == (206, content[:10])
    assert await part("bytes=0-9", **{"If-Range": modified}) == (206, content[:10])
    assert await part("bytes=0-9", **{"If-Range": '"another"'}) == (200, content)

    for known in ({"If-None-Match": etag}, {"If-None-Match": f'"x", W/{etag}'}, {"If-Modified-Since": modified}):
        answer = await front.get(path, headers=known)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    for unknown in (
        {"If-None-Match": '"x"'},
        {"If-Match": '"x"'},
        {"If-None-Match": '"x"', "If-Modified-Since": modified},
    ):
        assert (await front.get(path, headers=unknown)).content == content


async def test_what_is_private_is_for_its_owner_and_holders_of_a_signature(
    behind: Behind, front: httpx.AsyncClient
) -> None:
    content = make_noisy()
    async with behind.site.client() as client:
        session = await client.upload(content, visibility="PRIVATE")
        await client.wait_complete(session.image_id)
        signed = (await client.ask(SIGNED, id=session.image_id))["image"]["signedUrl"]["url"]
    path = urlsplit(session.urls["ORIGINAL", "original"]).path
    blob = f"/images/{session.image_id}/blob"
    target = signed.removeprefix(behind.site.base_url)
    mine = {"Authorization": f"Bearer {API_KEY}"}

    assert [(await front.get(address)).status_code for address in (path, blob)] == [404, 404]
    assert (await front.get(target[:-1] + ("0" if target[-1] != "0" else "1"))).status_code == 403
    opened, own = await front.get(target), await front.get(path, headers=mine)
    assert (opened.status_code, own.status_code) == (200, 200)
    assert opened.content == own.content
    assert opened.headers["cache-control"].startswith("private, max-age=")
    assert own.headers["cache-control"] == "private, no-store"
    assert (await front.get(blob, headers=mine)).content == content
    assert (await front.get(path)).status_code == 404


async def test_what_is_made_private_is_gone_with_the_next_request(
    behind: Behind, served: Served, front: httpx.AsyncClient
) -> None:
    assert (await front.get(served.large_path)).status_code == 200
    async with behind.site.client() as client:
        await client.ask(HIDE, id=served.session.image_id)

    assert (await front.get(served.large_path)).status_code == 404


async def test_objects_are_not_to_be_had_from_outside(behind: Behind, served: Served, front: httpx.AsyncClient) -> None:
    async with httpx.AsyncClient(base_url=behind.site.base_url, timeout=LIMIT_S) as direct:
        place = (await direct.get(served.large_path)).headers["x-accel-redirect"]

    for address in (place, "/_objects/files/", "/_objects/s3/", "/_objects/../_objects/files/", "/%5fobjects/files/"):
        assert (await front.get(address)).status_code in {400, 404}


async def test_lost_bytes_are_an_error_of_ours_that_no_cache_keeps(
    behind: Behind, served: Served, front: httpx.AsyncClient, request: pytest.FixtureRequest
) -> None:
    kind, name = await find_object(behind, served)
    if kind == "s3":
        s3: S3Server = request.getfixturevalue("s3_server")
        s3.client().remove_object(*name.split("/", 1))
    else:
        (behind.site.data_dir / "objects" / name).unlink()

    for headers in ({}, {"Range": "bytes=0-9"}):
        answer = await front.get(served.large_path, headers=headers)
        assert_not_kept(answer)


async def test_a_part_of_a_shortened_file_is_an_error_that_no_cache_keeps(
    behind: Behind, served: Served, front: httpx.AsyncClient, request: pytest.FixtureRequest
) -> None:
    kind, name = await find_object(behind, served)
    if kind == "s3":
        s3: S3Server = request.getfixturevalue("s3_server")
        bucket, key = name.split("/", 1)
        s3.client().put_object(bucket, key, io.BytesIO(bytes(1_000)), 1_000)
    else:
        os.truncate(behind.site.data_dir / "objects" / name, 1_000)

    answer = await front.get(served.large_path, headers={"Range": "bytes=5000-"})

    assert answer.status_code == 416
    assert "no-store" in answer.headers.get_list("cache-control")


async def find_object(behind: Behind, served: Served) -> tuple[str, str]:
    """In which kind of store the large picture lies, `files` or `s3`, and under which name."""
    async with httpx.AsyncClient(base_url=behind.site.base_url, timeout=LIMIT_S) as direct:
        place = urlsplit((await direct.get(served.large_path)).headers["x-accel-redirect"]).path
    _, _, kind, name = place.split("/", 3)
    return kind, name


@pytest.fixture(scope="module")
def redirecting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = environment_of("postgresql+s3", request)
    port = urlsplit(settings["SAFELIGHT_STORE_URL"]).port
    settings |= {"SAFELIGHT_DELIVERY": "redirect", "SAFELIGHT_STORE_PUBLIC_URL": f"http://localhost:{port}"}
    with (
        run_redis() as redis,
        run_site(tmp_path_factory.mktemp("redirect"), redis_url=redis.url, environment=settings) as site,
    ):
        yield site


def _stranger_of(site: Site) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=site.base_url, timeout=LIMIT_S)


async def test_a_redirect_leads_to_the_store_which_says_what_we_would(redirecting: Site) -> None:
    async with redirecting.client() as client, _stranger_of(redirecting) as stranger:
        session = await client.upload(make_jpeg(900, 700), filename="é.jpg")
        await client.wait_complete(session.image_id)
        url = session.urls["WEBP", "small"]
        for _ in range(2):
            told = await stranger.get(url)
            assert (told.status_code, told.headers["cache-control"], told.content) == (302, "no-store", b"")
            assert told.headers["access-control-allow-origin"] == "*"
            place = told.headers["location"]
            assert place.startswith("http://localhost:")
            got = await stranger.get(place)
            assert got.status_code == 200
            assert got.headers["content-type"] == "image/webp"
            assert got.headers["content-disposition"] == "inline; filename*=UTF-8''%C3%A9.webp"
            assert got.headers["cache-control"] == "public, max-age=172800, stale-while-revalidate=7200"
        part = await stranger.get(url, headers={"Range": "bytes=2-5"}, follow_redirects=True)
        head = await stranger.head(url)
        known = await stranger.get(url, headers={"If-None-Match": head.headers["etag"]})
        late = await stranger.get(url, headers={"Range": "bytes=99999999-"})
        forged = await stranger.get(place.replace("/webp-small", "/webp-medium"))

    assert (part.status_code, part.content) == (206, got.content[2:6])
    assert sha256_of(got.content).startswith(head.headers["etag"].strip('"'))
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(got.content)))
    assert (known.status_code, late.status_code) == (304, 416)
    assert forged.status_code == 403


async def test_a_redirect_is_given_to_those_only_who_may_see_the_picture(redirecting: Site) -> None:
    async with redirecting.client() as client, _stranger_of(redirecting) as stranger:
        session = await client.upload(make_jpeg(901, 700), visibility="PRIVATE")
        await client.wait_complete(session.image_id)
        signed = (await client.ask(SIGNED, id=session.image_id))["image"]["signedUrl"]["url"]
        plain = session.urls["ORIGINAL", "original"]

        refused, opened, own = await stranger.get(plain), await stranger.get(signed), await client.http.get(plain)
        got = await stranger.get(opened.headers["location"])

    assert (refused.status_code, opened.status_code, own.status_code) == (404, 302, 302)
    assert got.status_code == 200
    assert got.headers["cache-control"].startswith("private, max-age=")
