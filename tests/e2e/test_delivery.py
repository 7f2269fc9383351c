"""Bytes out: headers, ranges, conditions, waiting, and what is said where there is nothing to send."""

import io
from email.utils import format_datetime, parsedate_to_datetime

import httpx
import pytest
from PIL import Image

from tests.support.graphql_client import sha256_of
from tests.support.served_image import ALWAYS, Served

pytestmark = pytest.mark.usefixtures("quiet")


async def test_a_picture_has_exactly_the_headers_of_the_paper(served: Served, stranger: httpx.AsyncClient) -> None:
    for _ in range(2):  # from the database, and from memory
        response = await stranger.get(served.path)

        assert response.status_code == 200
        assert {name: response.headers[name] for name in ALWAYS} == ALWAYS
        assert response.headers["content-type"] == "image/webp"
        assert response.headers["content-length"] == str(len(response.content))
        assert response.headers["cache-control"] == "public, max-age=172800, stale-while-revalidate=7200"
        assert response.headers["content-disposition"] == "inline; filename*=UTF-8''a%20%22b%22%20%C3%A9.webp"
        etag = response.headers["etag"]
        assert etag.startswith('"')
        assert sha256_of(response.content).startswith(etag.strip('"'))
        assert parsedate_to_datetime(response.headers["last-modified"]).tzinfo is not None
        assert Image.open(io.BytesIO(response.content)).format == "WEBP"


@pytest.mark.parametrize("kind", ["path", "large_path"])
async def test_head_is_get_without_a_body(served: Served, stranger: httpx.AsyncClient, kind: str) -> None:
    url = getattr(served, kind)
    for _ in range(2):
        head, get = await stranger.head(url), await stranger.get(url)

        for response in (head, get):
            for name in ("date", "x-request-id"):
                response.headers.pop(name, None)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers == get.headers


async def test_the_version_makes_an_answer_immutable(served: Served, stranger: httpx.AsyncClient) -> None:
    right = await stranger.get(f"{served.path}?v={served.version}")
    wrong = await stranger.get(f"{served.path}?v=0000000000000000")

    assert right.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert wrong.headers["cache-control"] == "public, max-age=172800, stale-while-revalidate=7200"
    assert right.content == wrong.content == served.body


async def test_a_download_is_an_attachment(served: Served, stranger: httpx.AsyncClient) -> None:
    response = await stranger.get(f"{served.path}?download=1")

    assert response.headers["content-disposition"].startswith("attachment; filename*=UTF-8''a%20")


@pytest.mark.parametrize("kind", ["path", "large_path"])
async def test_a_range_is_answered_with_just_that(served: Served, stranger: httpx.AsyncClient, kind: str) -> None:
    url = getattr(served, kind)
    whole = (await stranger.get(url)).content
    size = len(whole)
    parts = {
        "bytes=0-0": (0, 1),
        "bytes=10-19": (10, 20),
        "bytes=100-": (100, size),
        "bytes=-7": (size - 7, size),
        f"bytes=-{size * 2}": (0, size),
        f"bytes={size - 1}-{size * 3}": (size - 1, size),
    }

    for header, (start, end) in parts.items():
        response = await stranger.get(url, headers={"Range": header})
        assert response.status_code == 206, header
        assert response.content == whole[start:end], header
        assert response.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        assert response.headers["content-length"] == str(end - start)
        assert response.headers["etag"]


@pytest.mark.parametrize("kind", ["path", "large_path"])
async def test_a_range_beyond_the_end_is_416(served: Served, stranger: httpx.AsyncClient, kind: str) -> None:
    url = getattr(served, kind)
    size = len((await stranger.get(url)).content)

    for header in (f"bytes={size}-", f"bytes={size + 5}-{size + 9}", "bytes=-0"):
        response = await stranger.get(url, headers={"Range": header})
        assert (response.status_code, response.content) == (416, b""), header
        assert response.headers["content-range"] == f"bytes */{size}"
        assert response.headers["access-control-allow-origin"] == "*"


async def test_a_range_that_cannot_be_understood_gets_the_whole(served: Served, stranger: httpx.AsyncClient) -> None:
    many = ",".join(f"{n}-{n}" for n in range(400))
    for header in ("bytes=5-3", "bytes=a-b", "bytes=-", "lines=1-2", "bytes", "bytes=0-1,4-5", f"bytes={many}", "x"):
        response = await stranger.get(served.path, headers={"Range": header})
        assert (response.status_code, response.content) == (200, served.body), header


async def test_if_range_guards_a_range(served: Served, stranger: httpx.AsyncClient) -> None:
    first = await stranger.get(served.path)
    etag, modified = first.headers["etag"], first.headers["last-modified"]
    statuses = {}
    for condition in (etag, modified, '"other"', f"W/{etag}", "Mon, 01 Jan 2001 00:00:00 GMT", "nonsense"):
        response = await stranger.get(served.path, headers={"Range": "bytes=0-9", "If-Range": condition})
        statuses[condition] = response.status_code

    assert list(statuses.values()) == [206, 206, 200, 200, 200, 200]


async def test_what_the_client_has_is_not_sent_again(served: Served, stranger: httpx.AsyncClient) -> None:
    first = await stranger.get(served.path)
    etag, modified = first.headers["etag"], first.headers["last-modified"]
    older = format_datetime(parsedate_to_datetime(modified).replace(year=2001), usegmt=True)
    known = [
        {"If-None-Match": etag},
        {"If-None-Match": f'"a", W/{etag}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": modified},
        {"If-None-Match": etag, "If-Modified-Since": older},
        {"If-None-Match": etag, "Range": "bytes=0-1"},
    ]
    unknown = [
        {"If-None-Match": '"other"'},
        {"If-None-Match": '"other"', "If-Modified-Since": modified},
        {"If-Modified-Since": older},
        {"If-Modified-Since": "nonsense"},
    ]

    for headers in known:
        response = await stranger.get(served.path, headers=headers)
        assert (response.status_code, response.content) == (304, b""), headers
        assert response.headers["etag"] == etag
        assert response.headers["cache-control"].startswith("public")
        assert "content-length" not in response.headers
    for headers in unknown:
        assert (await stranger.get(served.path, headers=headers)).status_code == 200, headers


async def test_options_lets_any_page_read(served: Served, stranger: httpx.AsyncClient) -> None:
    response = await stranger.options(served.path, headers={"Origin": "https://a.example"})

    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "*"
    assert "GET" in response.headers["access-control-allow-methods"]
    assert "Range" in response.headers["access-control-allow-headers"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_pictures_are_only_read(served: Served, stranger: httpx.AsyncClient, method: str) -> None:
    response = await stranger.request(method, served.path)

    assert (response.status_code, response.json()["code"]) == (405, "INVALID_REQUEST")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"
    assert response.headers["cache-control"] == "no-store"
