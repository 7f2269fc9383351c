"""Addresses that have made what is missing: over HTTP, on two APIs with two workers."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from app.adapters import open_own_store
from app.db.credentials import list_signing_keys
from app.domain.signatures import sign
from app.ids import AccountId
from app.services.upkeep.audit import AuditReport, AuditService
from app.settings import Settings
from tests.support.client import Client, get_when_ready
from tests.support.on_demand import ALLOW, free_of, upload
from tests.support.pictures import make_jpeg
from tests.support.site import Site
from tests.support.site_rows import open_rows, read_image
from tests.support.waiting import LIMIT_S, in_time, wait_until

STATES = "query ($id: ID!) { image(id: $id) { state complete stableVariants { family size ready } } }"


pytestmark = pytest.mark.usefixtures("wide_quiet", "nothing_stuck")


@pytest.fixture(scope="module")
def nothing_stuck(wide_site: Site) -> Iterator[None]:
    """The audit finds no more than what others had left on the shared site."""
    before = asyncio.run(audited(wide_site)).broken

    def is_clean() -> bool:
        after = asyncio.run(audited(wide_site)).broken
        return all(after[promise] <= before[promise] for promise in after)

    yield
    wait_until(is_clean)


async def audited(site: Site) -> AuditReport:
    """What `safelight audit --at-once` finds, without a process of its own."""
    settings = Settings(data_dir=site.data_dir, store_url=site.environment.get("SAFELIGHT_STORE_URL"))
    at_once = timedelta(0)
    store = open_own_store(settings)
    try:
        async with open_rows(site) as database:
            audit = AuditService(database, store, scratch_dir=settings.scratch_dir)
            return await audit.run(repair=False, orphan_age=at_once, stuck_age=at_once)
    finally:
        await store.close()


@pytest.fixture
async def strangers(wide_site: Site) -> AsyncIterator[list[httpx.AsyncClient]]:
    """One for each API."""
    first, second = (httpx.AsyncClient(base_url=url, timeout=LIMIT_S) for url in wide_site.api_urls)
    async with first, second:
        yield [first, second]


async def test_a_hundred_requests_on_two_apis_make_one_render(
    wide_site: Site, wide_client: Client, strangers: list[httpx.AsyncClient]
) -> None:
    image_id = await upload(wide_client, make_jpeg(1600, 1100))
    path = f"/t/{image_id}/width=400,blur=2.webp"

    async with flexible(wide_client):
        answers = await asyncio.gather(*(get_when_ready(strangers[number % 2], path) for number in range(100)))
        [row] = await free_of(wide_site, image_id)

    assert [answer.status_code for answer in answers] == [200] * 100
    assert len({answer.content for answer in answers}) == 1
    assert {answer.headers["content-type"] for answer in answers} == {"image/webp"}
    assert (row.tries, row.failures, row.wanted_at) == (1, 0, None)


async def test_a_preset_made_on_demand_joins_the_images_variants(
    wide_client: Client, strangers: list[httpx.AsyncClient]
) -> None:
    image_id = await upload(wide_client, make_jpeg(900, 601))
    stable = f"/f/{image_id}/webp/w512.webp"
    before = await strangers[0].get(stable)

    made = await strangers[0].get(f"/image/{image_id}.webp", params={"width": 64})
    account = (await wide_client.ask("{ viewer { accountHash } }"))["viewer"]["accountHash"]
    preset = await get_when_ready(strangers[1], f"/cdn/{account}/{image_id}/w512", Accept="image/webp")
    after = await strangers[0].get(stable)
    image = (await wide_client.ask(STATES, id=image_id))["image"]

    assert (before.status_code, made.status_code, preset.status_code, after.status_code) == (404, 404, 200, 200)
    assert after.content == preset.content
    assert (image["state"], image["complete"]) == ("READY", True)
    assert {"family": "WEBP", "size": "w512", "ready": True} in image["stableVariants"]


async def test_free_transformations_need_an_owner_a_signature_or_leave(
    wide_site: Site, wide_client: Client, strangers: list[httpx.AsyncClient]
) -> None:
    image_id = await upload(wide_client, make_jpeg(900, 602), visibility="PRIVATE")
    path = f"/t/{image_id}/width=40.png"
    key = await signing_key_of(wide_site, image_id)

    stranger = await strangers[0].get(path)
    unknown = await strangers[0].get(path.replace(image_id, str(UUID(int=7 << 76 | 2 << 62))))
    owner = await get_when_ready(wide_client.http, path)
    signed = await strangers[1].get(sign(path, "", key=key, expires_at_s=int(time.time()) + 3600))
    forged = await strangers[1].get(sign(path, "", key="0" * 64, expires_at_s=int(time.time()) + 3600))
    async with flexible(wide_client):
        still_private = await strangers[0].get(path)

    assert (owner.status_code, signed.status_code, forged.status_code) == (200, 200, 403)
    assert owner.content == signed.content
    for refused in (stranger, unknown, still_private):
        assert refused.status_code == 404
        assert refused.headers["cache-control"] == "no-store"
        assert refused.json() | {"request_id": ""} == unknown.json() | {"request_id": ""}


async def test_wait_says_how_long_a_request_is_held(wide_client: Client, strangers: list[httpx.AsyncClient]) -> None:
    image_id = await upload(wide_client, make_jpeg(1600, 1102))
    path = f"/t/{image_id}/width=300.avif"

    async with flexible(wide_client):
        at_once = await strangers[0].get(f"{path}?wait=0")
        held = await get_when_ready(strangers[0], path)

    assert (at_once.status_code, at_once.json()["code"]) == (503, "VARIANT_NOT_READY")
    assert (at_once.headers["retry-after"], at_once.headers["cache-control"]) == ("1", "no-store")
    assert held.status_code == 200


async def test_a_size_of_an_image_without_bytes_is_held_until_the_time_is_over(
    wide_client: Client, strangers: list[httpx.AsyncClient]
) -> None:
    session = await wide_client.open_session(5_000, processing={"profile": "ORIGINAL_ONLY"})

    for path in await addresses_of(wide_client, session.image_id):
        asked_at = time.monotonic()
        answer = await strangers[0].get(f"{path}?wait=1")

        assert (answer.status_code, answer.json()["code"]) == (503, "VARIANT_NOT_READY"), path
        assert time.monotonic() - asked_at >= 1, path
        at_once = await strangers[0].get(f"{path}?wait=0")
        assert (at_once.status_code, at_once.json()["code"]) == (503, "VARIANT_NOT_READY"), path


async def test_a_size_asked_for_before_the_first_byte_is_sent_when_it_is_made(
    wide_client: Client, strangers: list[httpx.AsyncClient]
) -> None:
    content = make_jpeg(900, 603)
    session = await wide_client.open_session(len(content), processing={"profile": "ORIGINAL_ONLY"})
    paths = await addresses_of(wide_client, session.image_id)

    asking = [
        asyncio.create_task(strangers[number % 2].get(f"{path}?wait=30", headers={"Accept": "image/webp"}))
        for number, path in enumerate(paths * 2)
    ]
    # A moment in which a request that is not held would be answered.
    early, _ = await asyncio.wait(asking, timeout=0.5)
    assert (await wide_client.send(session, content)).status_code == 201
    held = await asyncio.gather(*asking)
    # A busy machine may not have made it while they were held.
    answers = [await get_when_ready(strangers[0], path, Accept="image/webp") for path in paths]

    assert early == set()
    assert {answer.status_code for answer in held} <= {200, 503}
    assert {answer.content for answer in held if answer.status_code == 200} <= {answer.content for answer in answers}
    assert [(answer.status_code, answer.headers["content-type"]) for answer in answers] == [(200, "image/webp")] * 3


async def test_a_wait_for_the_bytes_of_a_session_ends_when_it_is_cancelled(
    wide_client: Client, strangers: list[httpx.AsyncClient]
) -> None:
    session = await wide_client.open_session(5_000, processing={"profile": "ORIGINAL_ONLY"})
    paths = await addresses_of(wide_client, session.image_id)

    asking = [asyncio.create_task(strangers[1].get(f"{path}?wait=30")) for path in paths]
    # So that they most likely wait already; what is asked later is answered the same.
    await asyncio.wait(asking, timeout=0.5)
    await wide_client.ask("mutation ($id: ID!) { cancelUploadSession(id: $id) { session { state } } }", id=session.id)
    answers = await in_time(asyncio.gather(*asking))

    assert [answer.status_code for answer in answers] == [404] * 3


async def addresses_of(client: Client, image_id: str) -> list[str]:
    """Addresses of a size that is not planned: a short one, Slink's and Cloudflare's."""
    found = await client.ask("query ($id: ID!) { image(id: $id) { shortId } viewer { accountHash } }", id=image_id)
    short_id, account = found["image"]["shortId"], found["viewer"]["accountHash"]
    return [f"/cdn/i/{short_id}/w512", f"/cdn/{account}/{image_id}/w512", f"/image/{image_id}.webp"]


@asynccontextmanager
async def flexible(client: Client) -> AsyncIterator[None]:
    """All may make up transformations while the context lasts."""
    await client.ask(ALLOW, may=True)
    try:
        yield
    finally:
        await client.ask(ALLOW, may=False)


async def signing_key_of(site: Site, image_id: str) -> str:
    """A signing key of an image's owner."""
    owner_id = AccountId(UUID(str((await read_image(site, image_id))["owner_id"])))
    async with open_rows(site) as database, database.read() as db:
        return (await list_signing_keys(db, [owner_id]))[owner_id][0].value
