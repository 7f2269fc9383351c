"""The store away or hanging while uploading, rendering and serving; objects that it loses or spoils."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from app.domain.variants import Family
from app.ids import ImageId, make_uuid
from app.storage.opening import open_store
from app.storage.port import ObjectKey, ObjectStore
from tests.support.client import Client, OpenSession
from tests.support.fault_sites import MakeSite
from tests.support.graphql_client import ask_session
from tests.support.invariants import assert_clean, run_audit
from tests.support.load import (
    UNREACHABLE,
    Sent,
    ask_images,
    assert_served,
    draw_pictures,
    send_all,
    send_patiently,
    until_listed,
    wait_complete,
)
from tests.support.on_demand import ALLOW, upload
from tests.support.pictures import make_jpeg
from tests.support.servers.s3 import S3Server
from tests.support.site import Site
from tests.support.waiting import LIMIT_S, eventually

FULL = pytest.mark.full("another fault of the store; `make test` kills S3 under uploads")
GENERATE = """mutation ($id: ID!) {
  generateVariants(imageId: $id, derivatives: [{family: WEBP, size: "small"}]) { image { id } }
}"""


@pytest.mark.parametrize("fault", ["killed", pytest.param("hanging", marks=FULL)])
async def test_a_store_that_is_away_burns_no_token_and_makes_nothing_ready(
    make_plain_site: MakeSite, private_s3: Callable[[], S3Server], fault: str
) -> None:
    s3 = private_s3()
    site = make_plain_site(environment={"SAFELIGHT_STORE_URL": s3.url("pictures")}).site
    leave, come_back = {"killed": (s3.kill, s3.start), "hanging": (s3.pause, s3.resume)}[fault]
    (served,) = await _upload(site, [make_jpeg(600, 400, noise=True)])
    async with site.client() as client:
        content = make_jpeg(300, 200)
        session = await client.open_session(len(content))
        rendering = asyncio.create_task(send_all(client, draw_pictures(3, seed=100)))
        await until_listed(client, more_than=1, unless=rendering)

        leave()
        await _assert_put_off(client, session, content)
        assert (await client.http.get(f"/images/{served.session.image_id}/blob")).status_code == 503
        come_back()
        sent = [served, await send_patiently(client, content, session=session), *await rendering]
        await wait_complete(client, sent)

        await assert_served(client, sent)
        if fault == "hanging":
            # It may carry out old requests long after: the sweep looks once more, and so does this test.
            run_audit(site, "--repair", "--at-once")
        assert_clean(site)


@FULL
async def test_request_for_a_variant_is_held_only_while_the_store_is_there(
    make_plain_site: MakeSite, private_s3: Callable[[], S3Server]
) -> None:
    s3 = private_s3()
    site = make_plain_site(environment={"SAFELIGHT_STORE_URL": s3.url("pictures")}).site
    async with site.client() as client, httpx.AsyncClient(base_url=site.base_url, timeout=LIMIT_S) as stranger:
        image_id = await upload(client, make_jpeg(700, 500))
        await client.ask(ALLOW, may=True)
        assert site.workers[0].stop() == 0
        await client.ask(GENERATE, id=image_id)
        planned, missing = f"/f/{image_id}/webp/small.webp", f"/t/{image_id}/width=50.png"

        asked_at = time.monotonic()
        held = await asyncio.gather(*(stranger.get(f"{path}?wait=4") for path in (planned, missing)))
        held_s = time.monotonic() - asked_at
        s3.pause()
        # Held to their end they would be VARIANT_NOT_READY too.
        cut = await asyncio.gather(
            *(stranger.get(path) for path in (f"{planned}?wait=30", missing, f"/t/{image_id}/width=51.png"))
        )
        s3.resume()
        site.workers[0].start()
        for path in (planned, missing):
            await eventually(lambda path=path: _is_served(stranger, path), "made")

    assert {(answer.status_code, answer.json()["code"]) for answer in held} == {(503, "VARIANT_NOT_READY")}
    assert held_s >= 4
    assert {(answer.status_code, answer.json()["code"]) for answer in cut} == {(503, "UNAVAILABLE")}
    assert {(int(answer.headers["retry-after"]) > 0, answer.headers["cache-control"]) for answer in cut} == {
        (True, "no-store")
    }


@FULL
async def test_a_spoiled_upload_fails_after_three_tries_and_harms_no_other(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    site.workers[0].stop()
    sent = await _upload(site, draw_pictures(3, seed=600), wait=False)
    poison, *others = sent
    _spoil(await _object_of(site, poison))

    site.workers[0].start()
    async with site.client() as client:
        await wait_complete(client, others)
        await eventually(lambda: _is_failed(client, poison), "FAILED", ignoring=UNREACHABLE)

        await assert_served(client, others)
        (image,) = await ask_images(client, [poison.session.image_id])
        assert {variant["state"] for variant in image["stableVariants"]} == {"FAILED"}
        assert {variant["error"]["code"] for variant in image["stableVariants"]} == {"RENDER_FAILED"}
        assert site.workers[0].log.count("upload_corrupt") == 3
        broken = run_audit(site, "--at-once")["broken"]
        assert broken == {"I1": 0, "I2": 0, "I3": 0, "I4": 1, "I6": 0, "I7": 0}


async def test_audit_finds_what_the_store_lost_and_repair_renders_it_again(make_site: MakeSite, tmp_path: Path) -> None:
    broken = make_site()
    site = broken.site
    kept, hurt = await _upload(site, draw_pictures(2, seed=700))
    before = await _bodies(site, hurt)
    junk = tmp_path / "junk"
    junk.write_bytes(b"x" * 100)
    async with _store_of(site) as store:
        lost, spoiled = await _webp_keys(store, hurt)
        await store.delete([lost])
        await store.put(spoiled, junk, media_type="image/webp")
        orphan = ObjectKey.variant(lost.image_id, 1, 9, Family.WEBP, "small", "webp")
        stranger = ObjectKey.variant(ImageId(make_uuid()), 1, 1, Family.WEBP, "small", "webp")
        for key in (orphan, stranger):
            await store.put(key, junk, media_type="image/webp")
    (site.data_dir / "tmp" / "process-gone").mkdir()
    (site.data_dir / "tmp" / "process-gone" / "upload-1").write_bytes(b"left")

    found = run_audit(site, "--at-once")
    repairing = run_audit(site, "--repair", "--at-once")
    async with site.client() as client:
        await wait_complete(client, [kept, hurt])

        # The files of a process that is gone may have been swept by then.
        assert found["broken"] | {"I7": 0} == {"I1": 2, "I2": 1, "I3": 0, "I4": 0, "I6": 1, "I7": 0}
        assert repairing["repaired"] | {"I7": 0} == {"I1": 2, "I2": 1, "I3": 0, "I4": 0, "I6": 1, "I7": 0}
        assert_clean(site)
        await assert_served(client, [kept, hurt])
        assert await _bodies(site, hurt) == before


async def _upload(site: Site, contents: list[bytes], *, wait: bool = True) -> list[Sent]:
    async with site.client() as client:
        sent = await send_all(client, contents)
        if wait:
            await wait_complete(client, sent)
        return sent


async def _assert_put_off(client: Client, session: OpenSession, content: bytes) -> None:
    answer = await client.send(session, content)

    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] == "UNAVAILABLE"
    assert int(answer.headers["retry-after"]) >= 1
    assert (await ask_session(client, session.id))["state"] == "OPEN"


async def _is_served(stranger: httpx.AsyncClient, path: str) -> bool:
    return (await stranger.get(f"{path}?wait=30")).status_code == 200


async def _is_failed(client: Client, sent: Sent) -> bool:
    return bool((await ask_images(client, [sent.session.image_id]))[0]["state"] == "FAILED")


async def _bodies(site: Site, sent: Sent) -> dict[str, str]:
    async with site.client() as client:
        urls = sent.session.urls.values()
        return {url: hashlib.sha256((await client.http.get(url)).content).hexdigest() for url in urls}


async def _object_of(site: Site, sent: Sent) -> Path:
    folder = site.data_dir / "objects"
    (path,) = folder.glob(f"*/*/{sent.session.image_id}/1/upload-*")
    return path


def _spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@asynccontextmanager
async def _store_of(site: Site) -> AsyncIterator[ObjectStore]:
    """A site's store, to change behind its back."""
    store = open_store(site.environment.get("SAFELIGHT_STORE_URL", (site.data_dir / "objects").as_uri()))
    try:
        yield store
    finally:
        await store.close()


async def _webp_keys(store: ObjectStore, sent: Sent) -> list[ObjectKey]:
    image_id = ImageId(UUID(sent.session.image_id))
    return sorted([stat.key async for stat in store.list_objects(image_id) if "/webp-" in stat.key.text])
