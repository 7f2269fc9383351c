"""Answers from memory are those that the rows would give, whatever was asked before; who does not read costs little."""

import asyncio
import itertools
import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.http_client import open_http
from tests.support.pictures import make_jpeg
from tests.support.process_memory import rss_bytes
from tests.support.served_image import make_noisy
from tests.support.site import Site
from tests.support.site_logs import faults_of
from tests.support.waiting import LIMIT_S

SHORT = "query ($id: ID!) { image(id: $id) { shortId } }"
SIGNED = 'query ($id: ID!) { image(id: $id) { signedUrl(family: WEBP, size: "small") { url } } }'
# A key that is none's opens nothing, and keeps the request away from memory: what the rows say.
PAST_MEMORY = {"X-API-Key": "sl_nobody"}
ACCEPTS = [
    "",
    "*/*",
    "image/avif,image/webp,*/*;q=0.8",
    "image/webp",
    "image/avif;q=0, image/webp;q=0.1, */*",
    "image/png",
]
CONDITIONS: list[dict[str, str]] = [
    {},
    {"Range": "bytes=0-0"},
    {"Range": "bytes=10-19", "If-Range": "ETAG"},
    {"Range": "bytes=10-19", "If-Range": '"other"'},
    {"Range": "bytes=99999999-"},
    {"Range": "bytes=0-1,3-4"},
    {"Range": "bytes=9-1"},
    {"If-None-Match": "ETAG"},
    {"If-None-Match": 'W/ETAG, "x"'},
    {"If-None-Match": '"x"', "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
    {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
    {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 +99999999999999999999"},
    {"If-Range": "Fri, 01 Jan 99999999999999999999 00:00:00 GMT", "Range": "bytes=1-2"},
]
QUERIES = [
    "",
    "v=VERSION",
    "v=0000000000000000",
    "download=1",
    "wait=0",
    "wait=junk",
    "junk=%00%ff",
    "sig=" + "0" * 64,
    "a&b",
]


@dataclass(frozen=True)
class Shown:
    """A public image and a private one, and the addresses of one of their variants."""

    stable: str
    negotiated: str
    large: str
    etag: str
    version: str
    private: str
    signed: str


@pytest.fixture(scope="module")
def shown(site: Site) -> Shown:
    return asyncio.run(show(site))


async def show(site: Site) -> Shown:
    async with site.client() as client:
        public = await client.upload(make_noisy())
        await client.wait_complete(public.image_id)
        private = await client.upload(make_jpeg(611, 400), visibility="PRIVATE")
        await client.wait_complete(private.image_id)
        short_id = (await client.ask(SHORT, id=public.image_id))["image"]["shortId"]
        signed = (await client.ask(SIGNED, id=private.image_id))["image"]["signedUrl"]["url"]
        stable = public.urls["WEBP", "small"]
        etag = (await client.http.head(stable)).headers["etag"]
    return Shown(
        stable,
        f"{site.base_url}/cdn/i/{short_id}/small",
        public.urls["ORIGINAL", "original"],
        etag,
        etag.strip('"')[:16],
        private.urls["WEBP", "small"],
        signed,
    )


@pytest.fixture
async def http(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(headers={"Accept": ""}) as client:
        yield client
    assert faults_of(site) == []


def told(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """All of an answer but for what is another one each time."""
    kept = [(name, value) for name, value in answer.headers.multi_items() if name not in {"date", "x-request-id"}]
    content = re.sub(rb'"request_id": ?"?\w+"?', b"", answer.content)
    return answer.status_code, sorted(kept), content


@pytest.mark.parametrize("most", [100, pytest.param(None, marks=pytest.mark.full("all requests, not a hundred drawn"))])
async def test_memory_gives_every_request_the_answer_of_the_rows(
    shown: Shown, http: httpx.AsyncClient, most: int | None
) -> None:
    wishes = [
        (method, f"{url}?{query.replace('VERSION', shown.version)}" if query else url, {"Accept": accept, **conditions})
        for url in (shown.stable, shown.negotiated, shown.large)
        for method, accept, conditions, query in itertools.chain(
            itertools.product(("GET", "HEAD"), ACCEPTS[:2], CONDITIONS, ("",)),
            itertools.product(("GET", "HEAD"), ACCEPTS, CONDITIONS[:2], QUERIES[:2]),
            itertools.product(("GET",), ACCEPTS[2:3], CONDITIONS[:1], QUERIES),
        )
    ]
    random.Random(4).shuffle(wishes)

    for method, url, wanted in wishes[:most]:
        headers = {name: value.replace("ETAG", shown.etag) for name, value in wanted.items()}
        right = told(await http.request(method, url, headers=headers | PAST_MEMORY))
        for _ in range(2):
            assert told(await http.request(method, url, headers=headers)) == right, (method, url, headers)


async def test_names_that_anybody_may_send_in_host_take_no_memory_of_their_own(
    shown: Shown, site: Site, http: httpx.AsyncClient
) -> None:
    await http.get(shown.stable)
    misses = await count_misses(site, http)

    answers = [await http.get(shown.stable, headers={"Host": f"{number}.example.org"}) for number in range(30)]

    assert {answer.status_code for answer in answers} == {200}
    # Now and then one is sent to read again; were each name kept for itself, all would be.
    assert await count_misses(site, http) - misses < len(answers)


async def count_misses(site: Site, http: httpx.AsyncClient) -> float:
    """How many pictures the API has sent that were not in memory."""
    lines = (await http.get(f"{site.base_url}/metrics")).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if "deliveries_total{" in line and 'cache="miss"' in line)


async def test_a_signature_opens_its_own_address_and_nothing_else_however_warm(
    shown: Shown, http: httpx.AsyncClient
) -> None:
    right = await http.get(shown.signed)
    assert right.status_code == 200
    head, _, signature = shown.signed.rpartition("&sig=")
    other = signature[:-1] + ("0" if signature[-1] != "0" else "1")
    forged = {
        f"{head}&sig={other}": 403,
        f"{head}&sig={signature.upper()}": 403,
        f"{head}&sig={signature}&x=1": 403,
        f"{head}&sig={signature}&sig={signature}": 403,
        f"{head}&x=1&sig={signature}": 403,
        f"{head}&sig=": 403,
        head: 404,
        shown.private: 404,
        f"{shown.private}?sig={signature}": 403,
        shown.signed.replace("/small", "/medium"): 403,
    }

    for _ in range(3):
        for address, status in forged.items():
            assert (await http.get(address)).status_code == status, address
            warm = await http.get(shown.signed)
            assert (warm.status_code, warm.content) == (200, right.content)
            assert warm.headers["cache-control"].startswith("private, max-age=")


async def test_a_signature_ends_on_time_also_from_memory(shown: Shown, site: Site, http: httpx.AsyncClient) -> None:
    query = """query ($id: ID!, $lifetime: Int!) {
      image(id: $id) { signedUrl(family: WEBP, size: "small", expiresIn: $lifetime) { url } }
    }"""
    statuses: list[int] = []
    image_id = urlsplit(shown.private).path.split("/")[2]
    async with site.client() as client:
        # A busy machine may need more than two seconds for the first answer.
        for lifetime_s in (2, 20):
            if statuses != [200]:
                image = (await client.ask(query, id=image_id, lifetime=lifetime_s))["image"]
                address = image["signedUrl"]["url"]
                statuses = [(await http.get(address)).status_code]

    while statuses[-1] == 200:
        statuses.append((await http.get(address)).status_code)

    assert (statuses[0], statuses[-1]) == (200, 403)


async def test_requests_that_come_together_are_answered_in_order(shown: Shown) -> None:
    place = urlsplit(shown.stable)
    large = urlsplit(shown.large).path
    lines = []
    for number in range(300):
        path = (place.path, large, "/healthz", place.path + "?v=x")[number % 4]
        method = "HEAD" if number % 4 == 1 or number % 3 == 0 else "GET"
        lines.append(f"{method} {path} HTTP/1.1\r\nHost: {place.netloc}\r\nX-Number: {number}\r\n\r\n")
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    async with asyncio.timeout(LIMIT_S):
        writer.write("".join(lines).encode())
        for number in range(300):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = int(re.findall(r"content-length: (\d+)", head)[0])
            is_head = lines[number].startswith("HEAD")
            body = b"" if is_head else await reader.readexactly(length)
            kind = ("image/webp", "image/jpeg", "application/json", "image/webp")[number % 4]
            assert head.startswith("http/1.1 200")
            assert f"content-type: {kind}" in head
            assert is_head or kind != "image/webp" or body[:4] == b"RIFF"
    writer.close()


@pytest.mark.parametrize(
    ("head", "is_closed"),
    [("HTTP/1.0\r\n", True), ("HTTP/1.1\r\nConnection: close\r\n", True), ("HTTP/1.1\r\n", False)],
)
async def test_connections_end_when_they_should(shown: Shown, head: str, *, is_closed: bool) -> None:
    place = urlsplit(shown.stable)
    for _ in range(2):
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(f"GET {place.path} {head}Host: {place.netloc}\r\n\r\n".encode())
        async with asyncio.timeout(LIMIT_S):
            answer = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(re.findall(rb"content-length: (\d+)", answer)[0]))
            assert (b"connection: close" in answer) is is_closed
            if is_closed:
                assert await reader.read() == b""
        writer.close()


async def test_a_body_where_none_belongs_disturbs_nothing(shown: Shown) -> None:
    place = urlsplit(shown.stable)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    one = f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 5\r\n\r\nhello"
    async with asyncio.timeout(LIMIT_S):
        for _ in range(3):
            writer.write(one.encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200")
            body = await reader.readexactly(int(re.findall(rb"content-length: (\d+)", answer)[0]))
            assert body[:4] == b"RIFF"
    writer.close()


@pytest.mark.parametrize("kind", ["stable", "large"])
async def test_readers_who_do_not_read_cost_next_to_nothing(shown: Shown, site: Site, kind: str) -> None:
    url = urlsplit(getattr(shown, kind))
    request = f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode()
    async with open_http() as client:
        right = (await client.get(getattr(shown, kind))).content
        before = rss_bytes(site.apis[0].pid)
        connections = [await asyncio.open_connection(url.hostname, url.port, limit=1024) for _ in range(100)]
        for _, writer in connections:
            writer.write(request)
        for reader, _ in connections:
            await reader.readuntil(b"\r\n\r\n")
        others = [await client.get(shown.stable) for _ in range(20)]
        grown = rss_bytes(site.apis[0].pid) - before
        async with asyncio.timeout(LIMIT_S):
            bodies = [await reader.readexactly(len(right)) for reader, _ in connections]
        for _, writer in connections:
            writer.close()

    assert {answer.status_code for answer in others} == {200}
    assert grown < 100 * 400 * 1024
    assert set(bodies) == {right}


@pytest.mark.parametrize("url", ["stable", "large"])
async def test_a_range_beyond_the_end_is_kept_by_nobody(shown: Shown, http: httpx.AsyncClient, url: str) -> None:
    for headers in ({}, PAST_MEMORY):
        answer = await http.get(getattr(shown, url), headers={"Range": "bytes=99999999-", **headers})

        assert (answer.status_code, answer.headers["cache-control"]) == (416, "no-store")


async def test_a_list_over_several_header_lines_is_one_list(shown: Shown, http: httpx.AsyncClient) -> None:
    for headers in ([], list(PAST_MEMORY.items())):
        known = await http.get(
            shown.stable, headers=[("If-None-Match", shown.etag), ("If-None-Match", '"x"'), *headers]
        )
        chosen = await http.get(shown.negotiated, headers=[("Accept", "image/webp"), ("Accept", "image/png"), *headers])

        assert known.status_code == 304
        assert chosen.headers["content-type"] == "image/webp"
