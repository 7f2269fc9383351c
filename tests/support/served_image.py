"""An image that is served, for tests of delivery."""

from dataclasses import dataclass

from app.services.delivery.deliverables import MAX_KEPT_BODY_BYTES
from tests.support.client import Client, OpenSession
from tests.support.pictures import make_jpeg


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
    session = await client.upload(content, filename='a "b" é.jpg')
    last = await client.wait_complete(session.image_id)
    variants = {(v["family"], v["size"]): v for v in last["stableVariants"]}
    small = variants["WEBP", "small"]
    body = (await client.http.get(small["url"])).content
    path, large = (v["url"].removeprefix(client.base_url) for v in (small, variants["ORIGINAL", "original"]))
    return Served(session, content, path, large, body, small["version"])
