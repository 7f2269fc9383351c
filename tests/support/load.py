"""Many clients at once that do not give up: they retry as the protocol allows, and know which answers they had."""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.workers.queue_worker import SPARE_SLOTS
from tests.support.client import Client, GraphQLFailure, OpenSession
from tests.support.pictures import make_jpeg, make_png, make_webp
from tests.support.process_control import descendants_of
from tests.support.site import Site
from tests.support.waiting import eventually

UNREACHABLE = (httpx.TransportError, GraphQLFailure)
"""What a question meets while a part of the site is away."""
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
    refusals: list[tuple[int, str | None]] = field(default_factory=list)
    """Answers before that one: status (0 where the connection broke), Retry-After."""


def draw_pictures(count: int, *, seed: int = 0) -> list[bytes]:
    """Different pictures, from small to 2 megapixels, most of them JPEG."""
    makers = (make_jpeg, make_jpeg, make_webp, make_jpeg, make_png)
    sizes = [(160 + 37 * index + seed, 120 + 23 * index) for index in range(count)]
    return [makers[index % len(makers)](*size) for index, size in enumerate(sizes)]


def draw_slow_pictures(count: int) -> list[bytes]:
    """Different pictures of 6 megapixels of noise: each is rendered for seconds, so that a test sees it happen."""
    return [make_jpeg(3000 + 8 * index, 2000, noise=True) for index in range(count)]


async def send_patiently(client: Client, content: bytes, *, session: OpenSession | None = None, **more: Any) -> Sent:
    """Open a session and send a file, again after every failure that may pass."""
    refusals: list[tuple[int, str | None]] = []
    opened, taken = session, 0

    async def is_taken() -> bool:
        nonlocal opened, taken
        status, retry_after = 0, None
        try:
            opened = opened or await client.open_session(len(content), **more)
            response = await client.send(opened, content)
            status, retry_after = response.status_code, response.headers.get("retry-after")
            # 409: what is left of a request that was broken off still holds the session, until its lease ends.
            assert status in {200, 201, 409, 503}, response.text
        except GraphQLFailure as failure:
            if failure.code != "UNAVAILABLE":
                raise
            status = 503
        except httpx.TransportError:
            pass
        if status not in {200, 201}:
            refusals.append((status, retry_after))
            return False
        taken = status
        return True

    await eventually(is_taken, f"taken; refusals: {refusals}")
    assert opened is not None
    return Sent(opened, content, taken, refusals)


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


async def until_listed(client: Client, *, more_than: int, unless: asyncio.Task[Any] | None = None) -> None:
    """Return when the account has more images than that, or the task has ended."""

    async def are_there() -> bool:
        data = await client.ask("{ images(first: 50) { edges { node { id } } } }")
        return len(data["images"]["edges"]) > more_than or (unless is not None and unless.done())

    await eventually(are_there, "images", ignoring=UNREACHABLE)


async def until_rendering(site: Site) -> None:
    """Return when a picture is in the cage of the site's first worker."""
    # Its zygotes are the worker's children, and the pictures' are theirs.
    await eventually(lambda: len(descendants_of(site.workers[0].pid)) > zygotes_of_worker(site), "rendering")


def zygotes_of_worker(site: Site) -> int:
    """How many processes each of the site's workers has below it while no picture is in its cage."""
    return int(site.environment["SAFELIGHT_WORKERS"]) + SPARE_SLOTS


async def wait_complete(client: Client, sent: Iterable[Sent]) -> None:
    """Return when every image is READY with all its variants."""
    ids = [one.session.image_id for one in sent]
    last: list[Json] = []

    async def are_ready() -> bool:
        last[:] = await ask_images(client, ids)
        return all(image and image["state"] == "READY" for image in last)

    try:
        await eventually(are_ready, "all READY", ignoring=UNREACHABLE)
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
