"""Open a session, send a photograph, watch it become ready, fetch it at the addresses known from the start."""

import asyncio
import hashlib

import httpx
import pytest

from tests.support.client import GraphQLFailure
from tests.support.pictures import make_jpeg
from tests.support.site import Site
from tests.support.waiting import LIMIT_S, in_time

pytestmark = pytest.mark.both_set_ups

DEFAULT = {(family, size) for family in ("ORIGINAL", "WEBP", "AVIF") for size in ("small", "medium")}


async def test_every_address_of_the_session_answers_once_its_event_said_ready(site: Site) -> None:
    async with site.client() as client:
        content = make_jpeg(900, 600)
        session = await client.open_session(len(content), filename="beach.jpg")
        watching = asyncio.create_task(client.wait_complete(session.image_id))

        response = await client.send(session, content)
        last = await in_time(watching)

        assert response.status_code == 201
        assert response.json()["image_uuid"] == session.image_id
        assert set(session.urls) == DEFAULT | {("ORIGINAL", "original")}
        assert last["progress"] == {"total": 7, "ready": 7, "failed": 0}
        for url in session.urls.values():
            picture = await client.http.get(url)
            assert picture.status_code == 200, url


async def test_ready_is_never_told_before_a_stranger_can_fetch_it(site: Site) -> None:
    async with site.client() as client, httpx.AsyncClient(timeout=LIMIT_S) as stranger:
        content = make_jpeg(1200, 800)
        session = await client.open_session(len(content))
        sending = asyncio.create_task(client.send(session, content))

        async for event in client.watch(session.image_id):
            for variant in event["changed"]:
                if variant["ready"]:
                    assert (await stranger.get(variant["url"])).status_code == 200, variant

        assert (await sending).status_code == 201


async def test_the_blob_is_the_very_upload_and_its_owners_alone(site: Site) -> None:
    async with site.client() as client, httpx.AsyncClient(base_url=site.base_url, timeout=LIMIT_S) as stranger:
        content = make_jpeg(400, 300)
        session = await client.upload(content)

        mine = await client.http.get(f"/images/{session.image_id}/blob")
        theirs = await stranger.get(f"/images/{session.image_id}/blob")

        assert hashlib.sha256(mine.content).digest() == hashlib.sha256(content).digest()
        assert mine.headers["cache-control"] == "private, no-store"
        assert theirs.status_code == 404
        assert theirs.json()["code"] == "NOT_FOUND"


async def test_the_upload_token_watches_its_own_image(site: Site) -> None:
    async with site.client() as client, site.stranger() as sender:
        content = make_jpeg(300, 200)
        session = await client.open_session(len(content), visibility="PRIVATE")
        await sender.send(session, content)

        events = [event async for event in sender.watch(session.image_id, token=session.token)]

        assert events[-1]["complete"] is True


async def test_a_draft_is_absent_for_strangers(site: Site) -> None:
    async with site.client() as client, site.stranger() as stranger:
        session = await client.open_session(1000)

        data = await stranger.ask("query ($id: ID!) { image(id: $id) { id } }", id=session.image_id)
        with pytest.raises(GraphQLFailure) as failure:
            [event async for event in stranger.watch(session.image_id)]

        assert data == {"image": None}
        assert failure.value.code == "NOT_FOUND"
