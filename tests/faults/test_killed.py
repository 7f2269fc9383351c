"""`kill -9`, again and again, of everything that runs: nothing that was answered is lost, and nothing sticks."""

import asyncio
import random

import httpx
import pytest

from app.db.engine import utc_now
from tests.support.client import Client
from tests.support.fault_sites import MakeSite
from tests.support.invariants import assert_clean, temporary_files
from tests.support.load import (
    UNREACHABLE,
    assert_served,
    draw_pictures,
    draw_slow_pictures,
    send_all,
    send_patiently,
    until_rendering,
    wait_complete,
)
from tests.support.process_control import descendants_of, kept_running, kill_pid, processes_of_site
from tests.support.site import Site
from tests.support.site_rows import change_session
from tests.support.waiting import eventually, wait_until

UPLOADS, KILLS = 60, 40


@pytest.mark.full("dozens of kills; `make test` kills one worker and one API")
async def test_forty_kills_of_workers_and_children_during_sixty_uploads_lose_and_stick_nothing(
    make_site: MakeSite,
) -> None:
    site = make_site(workers=2).site
    pictures = draw_pictures(UPLOADS)
    dice = random.Random(4711)

    async with site.client() as client:
        with kept_running(*site.workers):
            sending = asyncio.create_task(send_all(client, pictures))
            kills = await _kill_while_sending(site, dice)
            sent = await sending
            await wait_complete(client, sent)
            await assert_served(client, sent)
            assert_clean(site)
        assert kills == KILLS
        assert len({one.session.image_id for one in sent}) == UPLOADS
        _assert_nothing_is_left(site)


@pytest.mark.full("the API is killed again and again; `make test` kills it once")
async def test_an_api_that_is_killed_at_any_moment_loses_nothing_that_it_answered(make_site: MakeSite) -> None:
    site = make_site(workers=1).site
    pictures = draw_pictures(24, seed=1000)
    dice = random.Random(1147)

    async with site.client() as client:
        with kept_running(*site.programs) as keeper:
            sending = asyncio.create_task(send_all(client, pictures))
            while not sending.done():
                await asyncio.wait([sending], timeout=dice.uniform(0.4, 1.2))
                if keeper.restarts < 6:
                    kill_pid(site.apis[0].pid)
            sent = await sending
            await wait_complete(client, sent)
            await assert_served(client, sent)
            assert_clean(site)
        assert keeper.restarts >= 3


async def test_work_of_a_worker_that_is_killed_is_done_by_the_next(make_plain_site: MakeSite) -> None:
    site = make_plain_site(workers=1).site
    async with site.client() as client:
        with kept_running(*site.workers):
            sending = asyncio.create_task(send_all(client, draw_slow_pictures(3), at_once=3))
            await until_rendering(site)

            kill_pid(site.workers[0].pid)
            sent = await sending
            await wait_complete(client, sent)
            assert_clean(site)


async def test_client_that_loses_the_answer_and_asks_again_gets_the_same_image(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    content = draw_pictures(1, seed=3000)[0]
    # Without a worker there is no sweep, and the answer waits for a verdict while the bytes are registered already.
    assert site.workers[0].stop() == 0
    async with site.client() as client:
        with kept_running(*site.apis):
            session = await client.open_session(len(content))
            sending = asyncio.create_task(client.send(session, content))
            await eventually(lambda: _is_registered(client, session.image_id), "registered", ignoring=UNREACHABLE)
            kill_pid(site.apis[0].pid)
            assert isinstance((await asyncio.gather(sending, return_exceptions=True))[0], httpx.TransportError)

            # The dead process held the session for some seconds yet: they have passed.
            await change_session(site, session.id, lease_until=utc_now())
            again = await send_patiently(client, content, session=session)
            site.workers[0].start()
            await wait_complete(client, [again])

            assert again.status == 200
            await assert_served(client, [again])
            assert_clean(site)


async def _kill_while_sending(site: Site, dice: random.Random) -> int:
    """Forty victims: workers, zygotes, and children in the midst of a picture."""
    kills = 0
    while kills < KILLS:
        below = [pid for worker in site.workers for pid in descendants_of(worker.pid)]
        # Every sixth a worker, which has to come back before it can be killed again.
        victims = [worker.pid for worker in site.workers if worker.is_running] if kills % 6 == 0 else below
        kills += kill_pid(dice.choice(victims)) if victims else 0
        await asyncio.sleep(dice.uniform(0.1, 0.4))
    return kills


async def _is_registered(client: Client, image_id: str) -> bool:
    return (await client.http.get(f"/images/{image_id}/blob")).status_code == 200


def _assert_nothing_is_left(site: Site) -> None:
    for program in site.programs:
        assert program.stop() == 0
    wait_until(lambda: not processes_of_site(site.data_dir), "no process is left")
    assert temporary_files(site) == []
    assert list((site.data_dir / "tmp").glob("process-*")) == []
