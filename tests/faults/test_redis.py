"""Redis flushed, restarted, away, hanging: nothing is lost, and nobody waits long for it."""

import asyncio
import time

import httpx
import pytest

from tests.http.test_two_processes import REPLACE
from tests.support.client import Client
from tests.support.fault_sites import MakeSite
from tests.support.invariants import assert_clean
from tests.support.load import Sent, assert_served, draw_pictures, send_all, until, wait_complete
from tests.support.pictures import make_jpeg
from tests.support.process_control import kept_running

ANSWER_S = 3.0
BACK_S = 5.0
SLACK_S = 0.7
"""What two busy cores add."""
WIDTH = "query ($id: ID!) { image(id: $id) { width } }"


async def test_a_queue_that_is_flushed_again_and_again_is_filled_again(make_plain_site: MakeSite) -> None:
    broken = make_plain_site()
    async with broken.site.client() as client:
        with kept_running(*broken.site.workers):
            sending = asyncio.create_task(send_all(client, draw_pictures(12, seed=100)))
            while not sending.done():
                broken.redis.flush()
                await asyncio.wait([sending], timeout=0.2)
            sent = await sending
            healed_s = await wait_complete(client, sent, within_s=20)

        print(f"all READY {healed_s:.1f} s after the last flush")
        await assert_served(client, sent)
        assert_clean(broken.site)


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
            last = await asyncio.wait_for(watching, 20)

        assert last["complete"] is True
        assert last["failed"] is False


@pytest.mark.slow
async def test_uploads_are_taken_or_put_off_while_redis_is_away_for_15_seconds(make_plain_site: MakeSite) -> None:
    broken = make_plain_site()
    site = broken.site
    pictures = draw_pictures(8, seed=300)
    async with site.client() as client:
        with kept_running(*site.workers):
            broken.redis.stop()
            away_until = time.monotonic() + 15
            sent = await send_all(client, pictures, at_once=4)
            await asyncio.sleep(max(0.0, away_until - time.monotonic()))
            broken.redis.start()
            back_s = await _until_ready(client)
            healed_s = await wait_complete(client, sent, within_s=20)

        print(f"slowest answer {_slowest_s(sent):.2f} s; ready {back_s:.1f} s after, all READY {healed_s:.1f} s later")
        _assert_answers_were_quick(sent)
        assert back_s < BACK_S
        await assert_served(client, sent)
        assert_clean(site)


async def test_nobody_waits_long_for_a_redis_that_hangs(make_plain_site: MakeSite) -> None:
    broken = make_plain_site()
    async with broken.site.client() as client:
        with kept_running(*broken.site.workers):
            broken.redis.pause()
            sent = await send_all(client, draw_pictures(4, seed=400), at_once=2)
            broken.redis.resume()
            await _until_ready(client)
            await wait_complete(client, sent, within_s=20)

        print(f"slowest answer {_slowest_s(sent):.2f} s")
        _assert_answers_were_quick(sent)
        assert_clean(broken.site)


async def test_a_replacement_is_taken_soon_while_redis_hangs_and_looked_at_when_it_is_back(
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
            asked_at = time.monotonic()
            answer = await client.http.put(session["uploadUrl"], content=content, headers=headers)
            took_s = time.monotonic() - asked_at
            broken.redis.resume()

            async def is_replaced() -> bool:
                return bool((await client.ask(WIDTH, id=image_id))["image"]["width"] == 411)

            await until(is_replaced, within_s=20, what="other bytes")
            await client.wait_complete(image_id)

        print(f"answered after {took_s:.2f} s")
        assert answer.status_code == 202
        assert took_s < ANSWER_S + SLACK_S
        assert_clean(broken.site)


def _assert_answers_were_quick(sent: list[Sent]) -> None:
    for one in sent:
        assert one.took_s < ANSWER_S + SLACK_S
        for status, took_s, retry_after in one.refusals:
            assert took_s < ANSWER_S + SLACK_S
            assert (status, retry_after is not None) == (503, True)


def _slowest_s(sent: list[Sent]) -> float:
    return max(max([one.took_s, *(took_s for _, took_s, _ in one.refusals)]) for one in sent)


async def _until_ready(client: Client) -> float:
    async def is_ready() -> bool:
        answer: httpx.Response = await client.http.get("/readyz")
        return answer.status_code == 200

    return await until(is_ready, within_s=15, what="ready again")
