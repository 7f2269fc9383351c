"""Many clients at once who do not give up: they retry as the protocol allows, and know what they were told."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.workers.queue_worker import SPARE_SLOTS
from tests.support.client import Client, GraphQLFailure, OpenSession
from tests.support.pictures import make_jpeg, make_png, make_webp
from tests.support.process_control import descendants_of
from tests.support.site import Site

POLL_S = 0.05
S8 = [
    {"family": family, "size": size}
    for family, size in (
        *(("WEBP", f"w{width}") for width in (128, 256, 512, 1024)),
        *(("AVIF", f"w{width}") for width in (128, 256, 512)),
        ("JPEG", "w1024"),
    )
]
"""Eight derivatives, as the speed goals have them, but none larger than the pictures here."""
EIGHT: dict[str, Any] = {"processing": {"profile": "CUSTOM", "derivatives": S8}}

_IMAGES = """
query ($ids: [ID!]!) {
  imagesByIds(ids: $ids) {
    id state complete failed sha256
    stableVariants { family size state ready url version error { code } }
  }
}
"""
Json = dict[str, Any]  # Any: what a server answered, looked into key by key


@dataclass
class Sent:
    """A file that was answered with 200 or 201."""

    session: OpenSession
    content: bytes
    status: int
    took_s: float
    refusals: list[tuple[int, float, str | None]] = field(default_factory=list)
    """Answers before that one: status (0 where the connection broke), seconds, Retry-After."""


def draw_pictures(count: int, *, seed: int = 0) -> list[bytes]:
    """Different pictures, from small to 2 megapixels, most of them JPEG."""
    makers = (make_jpeg, make_jpeg, make_webp, make_jpeg, make_png)
    sizes = [(160 + 37 * index + seed, 120 + 23 * index) for index in range(count)]
    return [makers[index % len(makers)](*size) for index, size in enumerate(sizes)]


async def send_patiently(
    client: Client, content: bytes, *, session: OpenSession | None = None, within_s: float = 60, **more: Any
) -> Sent:
    """Open a session and send a file, again after every failure that may pass."""
    deadline = time.monotonic() + within_s
    refusals: list[tuple[int, float, str | None]] = []
    while True:
        asked_at = time.monotonic()
        status, retry_after = 0, None
        try:
            session = session or await client.open_session(len(content), **more)
            response = await client.send(session, content)
            status, retry_after = response.status_code, response.headers.get("retry-after")
        except GraphQLFailure as failure:
            if failure.code != "UNAVAILABLE":
                raise
            status = 503
        except httpx.TransportError:
            pass
        took_s = time.monotonic() - asked_at
        if status in {200, 201}:
            assert session is not None
            return Sent(session, content, status, took_s, refusals)
        # 409: what is left of a request that was broken off still holds the session, for 15 s at most.
        assert status in {0, 409, 503}, response.text
        refusals.append((status, took_s, retry_after))
        assert time.monotonic() < deadline, f"not taken within {within_s} s: {refusals[-5:]}"
        await asyncio.sleep(POLL_S)


async def send_all(client: Client, contents: Sequence[bytes], *, at_once: int = 6, **more: Any) -> list[Sent]:
    """Send many files, a few at the same time."""
    gate = asyncio.Semaphore(at_once)

    async def send(index: int, content: bytes) -> Sent:
        async with gate:
            # Every third is rendered in many sizes, the others as by default.
            wishes = EIGHT if index % 3 == 0 else {}
            return await send_patiently(client, content, **{**wishes, **more})

    return list(await asyncio.gather(*(send(index, content) for index, content in enumerate(contents))))


async def ask_images(client: Client, ids: Iterable[str]) -> list[Json]:
    """The images as they are now."""
    wanted = list(ids)
    found: list[Json] = []
    for start in range(0, len(wanted), 50):
        found += (await client.ask(_IMAGES, ids=wanted[start : start + 50]))["imagesByIds"]
    return found


async def until(claim: Callable[[], Awaitable[bool]], *, within_s: float, what: str) -> float:
    """Ask again and again until the claim holds; how long that took, in seconds."""
    started_at = time.monotonic()
    while True:
        try:
            if await claim():
                return time.monotonic() - started_at
        except (httpx.TransportError, GraphQLFailure):
            pass
        assert time.monotonic() - started_at < within_s, f"not within {within_s} s: {what}"
        await asyncio.sleep(POLL_S)


async def until_rendering(site: Site) -> None:
    """Return when a picture is in the cage of the site's first worker."""

    # Its zygotes are the worker's children, and the pictures' are theirs.
    async def is_in_cage() -> bool:
        return len(descendants_of(site.workers[0].pid)) > zygotes_of_worker(site)

    await until(is_in_cage, within_s=20, what="rendering")


def zygotes_of_worker(site: Site) -> int:
    """How many processes each of the site's workers has below it while no picture is in its cage."""
    return int(site.environment["SAFELIGHT_WORKERS"]) + SPARE_SLOTS


async def wait_complete(client: Client, sent: Iterable[Sent], *, within_s: float = 60) -> float:
    """Return when every image is READY with all its variants; how long that took, in seconds."""
    ids = [one.session.image_id for one in sent]
    last: list[Json] = []

    async def are_ready() -> bool:
        last[:] = await ask_images(client, ids)
        return all(image and image["state"] == "READY" for image in last)

    try:
        return await until(are_ready, within_s=within_s, what="all READY")
    except AssertionError as error:
        raise AssertionError(
            f"{error}; {[image for image in last if not image or image['state'] != 'READY']}"
        ) from None


async def assert_served(client: Client, sent: Sequence[Sent]) -> None:
    """Every address answers the bytes whose SHA-256 the image names, and every upload reads back as it was sent."""
    for image, one in zip(await ask_images(client, [one.session.image_id for one in sent]), sent, strict=True):
        assert image["sha256"] == hashlib.sha256(one.content).hexdigest()
        blob = await client.http.get(f"/images/{image['id']}/blob")
        assert blob.content == one.content
        variants = {(variant["family"], variant["size"]): variant for variant in image["stableVariants"]}
        assert variants.keys() == one.session.urls.keys()
        for name, url in one.session.urls.items():
            answer = await client.http.get(url)
            assert answer.status_code == 200, (variants[name], answer.text)
            assert hashlib.sha256(answer.content).hexdigest().startswith(variants[name]["version"]), variants[name]
