"""Redis flushed, restarted, away, hanging: nothing is lost, and no answer waits for its return."""

import asyncio

import pytest

from tests.support.client import Client
from tests.support.fault_sites import MakeSite
from tests.support.invariants import assert_clean
from tests.support.library_queries import REPLACE
from tests.support.load import UNREACHABLE, Sent, assert_served, draw_pictures, send_all, wait_complete
from tests.support.pictures import make_jpeg
from tests.support.process_control import kept_running
from tests.support.waiting import eventually, in_time

WIDTH = "query ($id: ID!) { image(id: $id) { width } }"


@pytest.mark.full("many flushes; tests/workers/test_worker fills a flushed queue once")
async def test_a_queue_that_is_flushed_again_and_again_is_filled_again(make_plain_site: MakeSite) -> None:
    broken = make_plain_site()
    async with broken.site.client() as client:
        with kept_running(*broken.site.workers):
            sending = asyncio.create_task(send_all(client, draw_pictures(12, seed=100)))
            while not sending.done():
                broken.redis.flush()
                await asyncio.wait([sending], timeout=0.2)
            sent = await sending
            await wait_complete(client, sent)

        await assert_served(client, sent)
        assert_clean(broken.site)


@pytest.mark.full("Redis restarted under a subscription; tests/e2e/test_redis_away is nearest")
async def test_subscriptions_learn_the_end_although_redis_is_restarted_and_forgets_all(
    make_plain_site: MakeSite,
) -> None:
    broken = make_plain_site()
    content = draw_pictures(1, seed=200)[0]
    async with broken.site.client() as client:
        with kept_running(*broken.site.workers):
            session = await client.open_session(len(content))
            watching = asyncio.create_task(client.wait_complete(session.image_id))
            broken.redis.flush()
            broken.redis.kill()
            broken.redis.start()

            assert (await client.send(session, content)).status_code == 201
            last = await in_time(watching)

        assert last["complete"] is True
        assert last["failed"] is False


async def test_uploads_are_taken_or_put_off_while_redis_is_away(make_plain_site: MakeSite) -> None:
    broken = make_plain_site()
    site = broken.site
    pictures = draw_pictures(3, seed=300)
    async with site.client() as client:
        with kept_running(*site.workers):
            broken.redis.stop()
            # All of them are answered before it is back.
            sent = await send_all(client, pictures, at_once=3)
            broken.redis.start()
            await _until_ready(client)
            await wait_complete(client, sent)

        _assert_put_off_at_most(sent)
        await assert_served(client, sent)
        assert_clean(site)


async def test_uploads_are_answered_while_redis_hangs(make_plain_site: MakeSite) -> None:
    broken = make_plain_site()
    async with broken.site.client() as client:
        with kept_running(*broken.site.workers):
            broken.redis.pause()
            sent = await send_all(client, draw_pictures(2, seed=400), at_once=2)
            broken.redis.resume()
            await _until_ready(client)
            await wait_complete(client, sent)

        _assert_put_off_at_most(sent)
        assert_clean(broken.site)


@pytest.mark.full("a replacement; `make test` has uploads while Redis hangs")
async def test_replacement_is_taken_while_redis_hangs_and_judged_when_it_is_back(
    make_plain_site: MakeSite,
) -> None:
    broken = make_plain_site()
    async with broken.site.client() as client:
        with kept_running(*broken.site.workers):
            image_id = (await client.upload(make_jpeg(410, 300))).image_id
            await client.wait_complete(image_id)
            content = make_jpeg(411, 301)
            session = (await client.ask(REPLACE, id=image_id, size=len(content)))["replaceImage"]["session"]
            headers = {"Authorization": f"Bearer {session['token']}"}

            broken.redis.pause()
            answer = await client.http.put(session["uploadUrl"], content=content, headers=headers)
            broken.redis.resume()

            async def is_replaced() -> bool:
                return bool((await client.ask(WIDTH, id=image_id))["image"]["width"] == 411)

            await eventually(is_replaced, "other bytes", ignoring=UNREACHABLE)
            await client.wait_complete(image_id)

        assert answer.status_code == 202
        assert_clean(broken.site)


def _assert_put_off_at_most(sent: list[Sent]) -> None:
    """Answers that were not the wanted one say when to come back; no connection breaks."""
    for one in sent:
        assert [(status, retry_after is not None) for status, retry_after in one.refusals] == [
            (503, True) for _ in one.refusals
        ]


async def _until_ready(client: Client) -> None:
    async def is_ready() -> bool:
        return (await client.http.get("/readyz")).status_code == 200

    await eventually(is_ready, "ready again", ignoring=UNREACHABLE)
