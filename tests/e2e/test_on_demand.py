"""Addresses that have made what is missing: over HTTP, on two APIs with two workers."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.db.credentials import list_signing_keys
from app.db.on_demand import list_free
from app.db.records import VariantRecord
from app.domain.signatures import sign
from app.ids import AccountId, ImageId
from tests.support.client import Client
from tests.support.invariants import assert_clean
from tests.support.pictures import make_jpeg
from tests.support.site import Site
from tests.support.site_logs import faults_of
from tests.support.site_rows import open_rows, read_image

ALLOW = "mutation ($may: Boolean!) { updatePreferences(input: {flexibleVariants: $may}) { viewer { id } } }"
STATES = "query ($id: ID!) { image(id: $id) { state complete stableVariants { family size ready } } }"


@pytest.fixture(autouse=True, scope="module")
def quiet(wide_site: Site) -> Iterator[None]:
    yield
    assert faults_of(wide_site) == []
    assert_clean(wide_site)


@pytest.fixture
async def client(wide_site: Site) -> AsyncIterator[Client]:
    async with wide_site.client() as client:
        yield client


@pytest.fixture
async def strangers(wide_site: Site) -> AsyncIterator[list[httpx.AsyncClient]]:
    """One for each API."""
    first, second = (httpx.AsyncClient(base_url=url, timeout=40) for url in wide_site.api_urls)
    async with first, second:
        yield [first, second]


async def test_a_hundred_requests_on_two_apis_make_one_render(
    wide_site: Site, client: Client, strangers: list[httpx.AsyncClient]
) -> None:
    image_id = await upload(client, make_jpeg(1600, 1100))
    path = f"/t/{image_id}/width=400,blur=2.webp"

    async with flexible(client):
        answers = await asyncio.gather(*(strangers[number % 2].get(path) for number in range(100)))
        [row] = await free_of(wide_site, image_id)

    assert [answer.status_code for answer in answers] == [200] * 100
    assert len({answer.content for answer in answers}) == 1
    assert {answer.headers["content-type"] for answer in answers} == {"image/webp"}
    assert (row.tries, row.failures, row.wanted_at) == (1, 0, None)


async def test_a_preset_made_on_demand_joins_the_images_variants(
    client: Client, strangers: list[httpx.AsyncClient]
) -> None:
    image_id = await upload(client, make_jpeg(900, 601))
    stable = f"/f/{image_id}/webp/w512.webp"
    before = await strangers[0].get(stable)

    made = await strangers[0].get(f"/image/{image_id}.webp", params={"width": 64})
    account = (await client.ask("{ viewer { accountHash } }"))["viewer"]["accountHash"]
    preset = await strangers[1].get(f"/cdn/{account}/{image_id}/w512", headers={"Accept": "image/webp"})
    after = await strangers[0].get(stable)
    image = (await client.ask(STATES, id=image_id))["image"]

    assert (before.status_code, made.status_code, preset.status_code, after.status_code) == (404, 404, 200, 200)
    assert after.content == preset.content
    assert (image["state"], image["complete"]) == ("READY", True)
    assert {"family": "WEBP", "size": "w512", "ready": True} in image["stableVariants"]


async def test_free_transformations_are_for_owners_signers_and_those_whom_the_owner_lets(
    wide_site: Site, client: Client, strangers: list[httpx.AsyncClient]
) -> None:
    image_id = await upload(client, make_jpeg(900, 602), visibility="PRIVATE")
    path = f"/t/{image_id}/width=40.png"
    key = await signing_key_of(wide_site, image_id)

    stranger = await strangers[0].get(path)
    unknown = await strangers[0].get(path.replace(image_id, str(UUID(int=7 << 76 | 2 << 62))))
    owner = await client.http.get(path)
    signed = await strangers[1].get(sign(path, "", key=key, expires_at_s=int(time.time()) + 60))
    forged = await strangers[1].get(sign(path, "", key="0" * 64, expires_at_s=int(time.time()) + 60))
    async with flexible(client):
        still_private = await strangers[0].get(path)

    assert (owner.status_code, signed.status_code, forged.status_code) == (200, 200, 403)
    assert owner.content == signed.content
    for refused in (stranger, unknown, still_private):
        assert refused.status_code == 404
        assert refused.headers["cache-control"] == "no-store"
        assert refused.json() | {"request_id": ""} == unknown.json() | {"request_id": ""}


async def test_wait_says_how_long_a_request_is_held(client: Client, strangers: list[httpx.AsyncClient]) -> None:
    image_id = await upload(client, make_jpeg(1600, 1102))
    path = f"/t/{image_id}/width=300.avif"

    async with flexible(client):
        at_once = await strangers[0].get(f"{path}?wait=0")
        held = await strangers[0].get(f"{path}?wait=30")

    assert (at_once.status_code, at_once.json()["code"]) == (503, "VARIANT_NOT_READY")
    assert (at_once.headers["retry-after"], at_once.headers["cache-control"]) == ("1", "no-store")
    assert held.status_code == 200


async def test_a_size_of_an_image_without_bytes_is_held_until_the_time_is_over(
    client: Client, strangers: list[httpx.AsyncClient]
) -> None:
    session = await client.open_session(5_000, processing={"profile": "ORIGINAL_ONLY"})

    for path in await addresses_of(client, session.image_id):
        asked_at = time.monotonic()
        answer = await strangers[0].get(f"{path}?wait=1")

        assert (answer.status_code, answer.json()["code"]) == (503, "VARIANT_NOT_READY"), path
        assert time.monotonic() - asked_at >= 1, path
        at_once = await strangers[0].get(f"{path}?wait=0")
        assert (at_once.status_code, at_once.json()["code"]) == (503, "VARIANT_NOT_READY"), path


async def test_who_asks_for_a_size_before_the_first_byte_is_sent_it_when_it_is_made(
    client: Client, strangers: list[httpx.AsyncClient]
) -> None:
    content = make_jpeg(900, 603)
    session = await client.open_session(len(content), processing={"profile": "ORIGINAL_ONLY"})
    paths = await addresses_of(client, session.image_id)

    asking = [
        asyncio.create_task(strangers[number % 2].get(f"{path}?wait=30", headers={"Accept": "image/webp"}))
        for number, path in enumerate(paths * 2)
    ]
    early, _ = await asyncio.wait(asking, timeout=1)
    assert (await client.send(session, content)).status_code == 201
    answers = await asyncio.gather(*asking)

    assert early == set()
    assert [(answer.status_code, answer.headers["content-type"]) for answer in answers] == [(200, "image/webp")] * 6


async def test_who_waits_for_the_bytes_of_a_session_that_is_cancelled_is_told_soon(
    client: Client, strangers: list[httpx.AsyncClient]
) -> None:
    session = await client.open_session(5_000, processing={"profile": "ORIGINAL_ONLY"})
    paths = await addresses_of(client, session.image_id)

    asking = [asyncio.create_task(strangers[1].get(f"{path}?wait=30")) for path in paths]
    await asyncio.wait(asking, timeout=0.5)
    await client.ask("mutation ($id: ID!) { cancelUploadSession(id: $id) { session { state } } }", id=session.id)
    async with asyncio.timeout(10):
        answers = await asyncio.gather(*asking)

    assert [answer.status_code for answer in answers] == [404] * 3


async def addresses_of(client: Client, image_id: str) -> list[str]:
    """Addresses of a size that nobody has planned: a short one, Slink's and Cloudflare's."""
    found = await client.ask("query ($id: ID!) { image(id: $id) { shortId } viewer { accountHash } }", id=image_id)
    short_id, account = found["image"]["shortId"], found["viewer"]["accountHash"]
    return [f"/cdn/i/{short_id}/w512", f"/cdn/{account}/{image_id}/w512", f"/image/{image_id}.webp"]


async def upload(client: Client, content: bytes, **more: Any) -> str:
    """A ready image of which only the original is there."""
    session = await client.upload(content, processing={"profile": "ORIGINAL_ONLY"}, **more)
    await client.wait_complete(session.image_id)
    return session.image_id


@asynccontextmanager
async def flexible(client: Client) -> AsyncIterator[None]:
    """Anyone may make up transformations while the context lasts."""
    await client.ask(ALLOW, may=True)
    try:
        yield
    finally:
        await client.ask(ALLOW, may=False)


async def free_of(site: Site, image_id: str) -> list[VariantRecord]:
    """The free transformations of an image."""
    async with open_rows(site) as database, database.read() as db:
        return await list_free(db, ImageId(UUID(image_id)))


async def signing_key_of(site: Site, image_id: str) -> str:
    """A signing key of an image's owner."""
    owner_id = AccountId(UUID(str((await read_image(site, image_id))["owner_id"])))
    async with open_rows(site) as database, database.read() as db:
        return (await list_signing_keys(db, [owner_id]))[owner_id][0].value
