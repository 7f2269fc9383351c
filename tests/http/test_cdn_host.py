"""SAFELIGHT_CDN_URL on a host of its own: pictures at its root and nothing else, whatever `Host` says."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app.domain.signatures import sign
from tests.support.client import UNHURRIED
from tests.support.further_api import further_api
from tests.support.gallery import VIEWER, Shown, show
from tests.support.http_client import open_http
from tests.support.pictures import make_jpeg
from tests.support.site import Site
from tests.support.site_logs import faults_of

CDN = "cdn.example.test"
UPDATE = "mutation ($id: ID!, $name: String!) { updateImage(input: {id: $id, filename: $name}) { image { id } } }"


@dataclass(frozen=True)
class Hosts:
    """A site with a host for pictures, and what is there."""

    site: Site
    public: Shown
    private: Shown
    key: str
    account_hash: str
    owner: str

    async def ask(self, path: str, *, host: str = CDN, method: str = "GET", **headers: str) -> httpx.Response:
        async with open_http(self.site.base_url) as client:
            return await client.request(method, path, headers={"Host": host, **headers})


async def build(site: Site) -> Hosts:
    async with site.client() as client:
        mine = await client.ask(VIEWER)
        public = await show(client, make_jpeg(640, 480), filename="beach.jpg")
        private = await show(client, make_jpeg(641, 480), filename="secret.jpg", visibility="PRIVATE")
    viewer = mine["viewer"]
    return Hosts(site, public, private, mine["signingKeys"][0]["value"], viewer["accountHash"], viewer["username"])


@pytest.fixture(scope="module")
def hosts(site: Site) -> Iterator[Hosts]:
    with further_api(site, SAFELIGHT_CDN_URL=f"https://{CDN}") as served:
        hosts = asyncio.run(build(served))
        yield hosts
        assert faults_of(served) == []


async def test_the_addresses_that_are_given_out_are_of_that_host_and_served_there(hosts: Hosts) -> None:
    facts = hosts.public.facts
    given = [facts["cdnUrl"], facts["shortUrl"]]

    answers = [await hosts.ask(urlsplit(url).path) for url in given]

    assert [urlsplit(url)[:2] for url in given] == [("https", CDN)] * 2
    assert [answer.status_code for answer in answers] == [200, 200]


async def test_every_picture_route_is_at_its_root(hosts: Hosts) -> None:
    image, short = hosts.public.id, hosts.public.short_id
    paths = [
        f"/f/{image}/webp/small.webp",
        f"/i/{short}",
        f"/i/{short}/small",
        f"/{short}",
        f"/{hosts.owner}/_/beach.jpg",
        f"/{hosts.owner}/_/beach/small",
        f"/{hosts.account_hash}/{image}/small",
        f"/cdn-cgi/imagedelivery/{hosts.account_hash}/{image}/small",
        f"/image/{image}.webp",
        sign(f"/t/{hosts.private.id}/w=40.webp", "", key=hosts.key, expires_at_s=int(time.time()) + 3_600),
        sign(f"/images/{hosts.private.id}/blob", "", key=hosts.key, expires_at_s=int(time.time()) + 3_600),
    ]

    answers = {path: await hosts.ask(path) for path in paths}

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(paths, 200)
    assert all(answer.headers["content-type"].startswith("image/") for answer in answers.values())


async def test_a_page_is_not_there_even_for_who_prefers_one(hosts: Hosts) -> None:
    answer = await hosts.ask(f"/i/{hosts.public.short_id}", Accept="text/html")

    assert answer.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/graphql",
        "/schema.graphql",
        "/upload",
        "/upload/018f3a9e-8a5b-7c21-9d0e-1f2a3b4c5d6e",
        "/healthz",
        "/readyz",
        "/metrics",
        "/static/x.js",
        "/oembed",
        "/albums/018f3a9e-8a5b-7c21-9d0e-1f2a3b4c5d6e.zip",
        "/v1/images",
        "/cdn/{owner}/_/beach.jpg",
    ],
)
async def test_nothing_else_is_there(hosts: Hosts, path: str, method: str) -> None:
    answer = await hosts.ask(path.format(owner=hosts.owner), method=method)

    assert answer.status_code == (404 if method in {"GET", "HEAD"} else 405)
    assert answer.headers["cache-control"] == "no-store"


async def test_no_socket_opens_there(hosts: Hosts) -> None:
    port = urlsplit(hosts.site.base_url).port

    with pytest.raises(InvalidStatus) as refusal:
        async with connect(f"ws://{CDN}:80/graphql", host="127.0.0.1", port=port, **UNHURRIED):
            pass

    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("host", [CDN, CDN.upper(), f"{CDN}:443", f"{CDN}:80", f"{CDN}.", f"{CDN}.:443"])
async def test_the_host_is_known_in_every_spelling(hosts: Hosts, host: str) -> None:
    assert (await hosts.ask(f"/{hosts.owner}/_/beach.jpg", host=host)).status_code == 200
    assert (await hosts.ask("/graphql", host=host)).status_code == 404


@pytest.mark.parametrize(
    "host", ["evil.example", f"{CDN}.evil.example", f"evil-{CDN}", f"{CDN}:8080", "x" * 2000, f"{CDN}/x", f"{CDN}@evil"]
)
async def test_any_other_host_is_the_servers_own(hosts: Hosts, host: str) -> None:
    assert (await hosts.ask(f"/{hosts.owner}/_/beach.jpg", host=host)).status_code == 404
    assert (await hosts.ask(f"/cdn/{hosts.owner}/_/beach.jpg", host=host)).status_code == 200
    assert (await hosts.ask("/healthz", host=host)).status_code == 200


async def test_a_forwarded_host_means_nothing(hosts: Hosts) -> None:
    forwarded = {"X-Forwarded-Host": CDN, "Forwarded": f"host={CDN}", "X-Host": CDN}

    assert (await hosts.ask("/healthz", host="a.example", **forwarded)).status_code == 200
    assert (await hosts.ask(f"/{hosts.owner}/_/beach.jpg", host="a.example", **forwarded)).status_code == 404


async def test_a_redirect_names_the_setting_and_never_the_host_that_was_sent(hosts: Hosts) -> None:
    async with hosts.site.client() as client:
        image = await show(client, make_jpeg(300, 200), filename="before.jpg")
        await client.ask(UPDATE, id=image.id, name="after.jpg")

    moved = [
        await hosts.ask(f"/{hosts.owner}/_/before.jpg/small"),
        await hosts.ask(f"/cdn/{hosts.owner}/_/before.jpg/small", host="evil.example"),
    ]

    assert [answer.status_code for answer in moved] == [301, 301]
    assert {answer.headers["location"] for answer in moved} == {f"https://{CDN}/{hosts.owner}/_/after.jpg/small"}
