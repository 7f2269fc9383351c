"""An image that is served, for tests of delivery."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from app.services.delivery.deliverables import MAX_KEPT_BODY_BYTES
from tests.support.client import Client, OpenSession
from tests.support.pictures import make_jpeg
from tests.support.site import Site
from tests.support.waiting import LIMIT_S

ALWAYS = {
    "accept-ranges": "bytes",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "timing-allow-origin": "*",
}
"""Headers of every picture."""


@dataclass(frozen=True, slots=True)
class Served:
    """An image that is ready, with one of its variants small enough to be kept in memory and one that is not."""

    session: OpenSession
    content: bytes
    path: str
    large_path: str
    body: bytes
    version: str


def make_noisy() -> bytes:
    """A picture whose original is too large to be kept in memory; another one each time."""
    content = make_jpeg(1800, 1300, noise=True, quality=98)
    assert len(content) > MAX_KEPT_BODY_BYTES
    return content


async def serve(client: Client, content: bytes) -> Served:
    """Upload it and wait until all of it is ready."""
    processing = {"profile": "CUSTOM", "derivatives": [{"family": "WEBP", "size": "small"}]}
    session = await client.upload(content, filename='a "b" é.jpg', processing=processing)
    last = await client.wait_complete(session.image_id)
    variants = {(v["family"], v["size"]): v for v in last["stableVariants"]}
    small = variants["WEBP", "small"]
    body = (await client.http.get(small["url"])).content
    path, large = (v["url"].removeprefix(client.base_url) for v in (small, variants["ORIGINAL", "original"]))
    return Served(session, content, path, large, body, small["version"])


@pytest.fixture(scope="module")
def served(site: Site) -> Served:
    """One for all tests of a module, which only look at it."""

    async def publish() -> Served:
        async with site.client() as client:
            return await serve(client, make_noisy())

    return asyncio.run(publish())


@pytest.fixture
async def stranger(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A plain client without a credential."""
    async with httpx.AsyncClient(base_url=site.base_url, timeout=LIMIT_S) as stranger:
        yield stranger


def assert_not_kept(answer: httpx.Response) -> None:
    """No cache may keep it: it is the error of an object that cannot be read, with nothing of the picture's."""
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert answer.json()["request_id"] == answer.headers.get("x-request-id")
    assert answer.headers.get_list("cache-control") == ["no-store"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["retry-after"] == "5"
    assert {"content-disposition", "etag", "last-modified", "vary"}.isdisjoint(answer.headers)
