"""Behind the nginx of deploy/ every answer is the API's own: conditions, ranges, errors, at every kind of address."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from app.domain.signatures import sign
from tests.support.client import Client
from tests.support.served_image import make_noisy
from tests.support.servers.deployed_nginx import run_deployed_nginx
from tests.support.servers.ports import find_free_port
from tests.support.servers.redis import run_redis
from tests.support.site import Program, Site, run_site
from tests.support.site_fixtures import SET_UPS, environment_of
from tests.support.waiting import LIMIT_S

SHOWN = "query ($id: ID!) { image(id: $id) { shortId } signingKeys { value } }"

# Others than the API say these, or they differ from one request to the next.
NOT_COMPARED = {"date", "server", "connection", "x-request-id", "x-cache-status"}
PLACES = ["small", "small at an original's address", "large", "large at an original's address"]
STATES = ["public", "private and signed"]
PICTURES = [
    ("small", "public"),
    ("large", "private and signed"),
    *(
        pytest.param(place, state, marks=pytest.mark.full("two of eight kinds of address are in the first tier"))
        for place, state in itertools.product(PLACES, STATES)
        if (place, state) not in {("small", "public"), ("large", "private and signed")}
    ),
]

LATER, EARLIER = "Tue, 01 Jan 2075 00:00:00 GMT", "Mon, 01 Jan 2001 00:00:00 GMT"
TWENTY_DIGITS = "9" * 20
# What is asked for: {etag}, {modified} (and the same moment written otherwise) and {size} are the picture's.
CONDITIONS: list[dict[str, str]] = [
    {},
    {"If-None-Match": "{etag}"},
    {"If-None-Match": "W/{etag}"},
    {"If-None-Match": '"x", {etag}'},
    {"If-None-Match": "*"},
    {"If-None-Match": '"x"'},
    {"If-None-Match": ""},
    {"If-Modified-Since": "{modified}"},
    {"If-Modified-Since": LATER},
    {"If-Modified-Since": EARLIER},
    {"If-Modified-Since": ""},
    {"If-Modified-Since": LATER, "If-None-Match": '"x"'},
    {"If-Modified-Since": EARLIER, "If-None-Match": "{etag}"},
    {"If-Match": "{etag}"},
    {"If-Match": '"zz"'},
    {"If-Unmodified-Since": EARLIER},
]
RANGES: list[dict[str, str]] = [
    *(
        {"Range": text}
        for text in (
            *("bytes=0-9", "bytes=5-", "bytes=-7", "bytes=9-{size}", "BYTES=0-9", "bytes=0-", "bytes=-{size}"),
            *("bytes={size}-", "bytes=99999999-", "bytes=99999999-100000000", "bytes=-0"),
            *("bytes=5-2", "bytes=abc", "bytes=0-1,5-6", "bytes=0-1,99999999-", "lines=0-3", "bytes=", "bytes=-", ""),
            *("bytes= 0-9", "bytes=0 - 9", "bytes =0-9"),
            *(f"bytes=0-{TWENTY_DIGITS}", f"bytes={TWENTY_DIGITS}-", f"bytes=-{TWENTY_DIGITS}"),
        )
    ),
    *({"Range": "bytes=0-9", "If-Range": value} for value in ("{etag}", "{modified}", "{elsewhere}", "W/{etag}")),
    *({"Range": "bytes=99999999-", "If-Range": value} for value in ("{etag}", "{modified}", '"another"', EARLIER)),
    {"If-Range": '"another"'},
    {"Range": "bytes=0-9", "If-None-Match": "{etag}"},
    {"Range": "bytes=99999999-", "If-None-Match": "{etag}"},
    {"Range": "bytes=99999999-", "If-None-Match": '"x"'},
    {"Range": "bytes=0-9", "If-Match": '"x"'},
    {"Range": "bytes=0-9", "If-Unmodified-Since": EARLIER},
]
ASKED = [(method, headers) for headers in (*CONDITIONS, *RANGES) for method in ("GET", "HEAD")]


@dataclass(frozen=True, slots=True)
class Picture:
    """One that is served, and what conditions say of it."""

    address: str
    facts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Twice:
    """A site as nginx shows it, and as an API that sends everything itself."""

    site: Site
    url: str
    own_url: str
    pictures: dict[tuple[str, str], Picture]


@pytest.fixture(scope="module", params=SET_UPS)
def twice(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twice]:
    data_dir: Path = tmp_path_factory.mktemp("twice")
    settings = environment_of(request.param, request)
    store = urlsplit(settings.get("SAFELIGHT_STORE_URL", ""))
    port = find_free_port()
    with run_redis() as redis, run_site(data_dir, redis_url=redis.url, environment=settings) as site:
        accel = {**site.environment, "SAFELIGHT_PORT": str(port), "SAFELIGHT_DELIVERY": "accel"}
        # The site stops it with its own.
        site.apis.append(Program("api", accel, data_dir / "api-accel.log"))
        site.apis[-1].start()
        site.api_urls.append(f"http://127.0.0.1:{port}")
        site.wait_ready()
        with run_deployed_nginx(
            api_port=port,
            objects_dir=data_dir / "objects",
            s3_endpoint=store.netloc.rpartition("@")[2] or "127.0.0.1:9",
        ) as nginx:
            pictures = asyncio.run(_show(site.base_url))
            yield Twice(site, nginx.url, site.base_url, pictures)


async def _show(base_url: str) -> dict[tuple[str, str], Picture]:
    content, shown = make_noisy(), {}
    async with Client(base_url) as client, httpx.AsyncClient(base_url=base_url, timeout=LIMIT_S) as stranger:
        for state in STATES:
            session = await client.upload(content, visibility="PUBLIC" if state == "public" else "PRIVATE")
            await client.wait_complete(session.image_id)
            told = await client.ask(SHOWN, id=session.image_id)
            stable = {place: urlsplit(url).path for place, url in session.urls.items()}
            paths = (
                stable["WEBP", "small"],
                stable["ORIGINAL", "small"],
                f"/cdn/i/{told['image']['shortId']}/original",
                stable["ORIGINAL", "original"],
            )
            # So long that Cache-Control is the same from second to second.
            until_s, key = int(time.time()) + 864_000, told["signingKeys"][0]["value"]
            for place, path in zip(PLACES, paths, strict=True):
                address = path if state == "public" else sign(path, "", key=key, expires_at_s=until_s)
                shown[place, state] = Picture(address, _facts_of(await stranger.get(address)))
            # The same bytes again would be answered with the same image.
            content = make_noisy()
    return shown


def _facts_of(whole: httpx.Response) -> dict[str, str]:
    assert whole.status_code == 200
    modified = whole.headers["last-modified"]
    elsewhere = modified.replace("GMT", "+0000")
    size = str(len(whole.content))
    return {"etag": whole.headers["etag"], "modified": modified, "elsewhere": elsewhere, "size": size}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=LIMIT_S) as client:
        yield client


async def ask(client: httpx.AsyncClient, base_url: str, picture: Picture, method: str, headers: dict[str, str]) -> str:
    filled = {name: value.format(**picture.facts) for name, value in headers.items()}
    answer = await client.request(method, f"{base_url}{picture.address}", headers=filled)
    return _write(answer)


def _write(answer: httpx.Response) -> str:
    """Everything that a client or a cache sees of it, each header as often as it came."""
    lines = sorted(f"{name}: {value}" for name, value in answer.headers.multi_items() if name not in NOT_COMPARED)
    return "\n".join([str(answer.status_code), *lines, "", f"{len(answer.content)} {answer.content[:64]!r}"])


@pytest.mark.parametrize(("place", "state"), PICTURES)
async def test_every_answer_is_the_api_s_own(twice: Twice, client: httpx.AsyncClient, place: str, state: str) -> None:
    picture = twice.pictures[place, state]

    for method, headers in ASKED:
        own = await ask(client, twice.own_url, picture, method, headers)
        seen = await ask(client, twice.url, picture, method, headers)
        again = await ask(client, twice.url, picture, method, headers)
        assert seen == again == own, (method, headers)


@pytest.mark.parametrize(("place", "state"), PICTURES)
async def test_what_is_no_picture_may_not_be_kept(
    twice: Twice, client: httpx.AsyncClient, place: str, state: str
) -> None:
    address = f"{twice.url}{twice.pictures[place, state].address}"
    late, there, huge = (("Range", f"bytes={text}") for text in ("99999999-", "0-9", f"{TWENTY_DIGITS}-"))

    statuses = Counter[int]()
    for headers in ([late], [huge], [late, there], [there, late], [huge, there]):
        answer = await client.get(address, headers=headers)
        statuses[answer.status_code] += 1
        if answer.status_code not in {200, 206}:
            assert answer.content == b""
            assert "max-age" not in answer.headers.get("cache-control", "")
            assert "content-type" not in answer.headers

    assert set(statuses) <= {200, 206, 416}
    assert statuses[416] >= 2


@pytest.mark.parametrize(("place", "state"), PICTURES)
@pytest.mark.parametrize("name", ["If-Match", "If-Unmodified-Since"])
async def test_empty_conditions_are_none_or_an_error_that_no_cache_keeps(
    twice: Twice, client: httpx.AsyncClient, place: str, state: str, name: str
) -> None:
    address = f"{twice.url}{twice.pictures[place, state].address}"

    for _ in range(3):
        try:
            answer = await client.get(address, headers={name: ""})
        except httpx.ReadError:  # nginx 1.22 breaks some of them off
            continue
        if answer.status_code == 200:
            continue
        assert answer.status_code == 412
        assert answer.headers.get_list("cache-control") == ["no-store"]
        assert len(answer.headers.get_list("content-type")) == 1
        assert {"etag", "last-modified", "content-disposition"}.isdisjoint(answer.headers)
