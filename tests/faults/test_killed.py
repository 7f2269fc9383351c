"""`kill -9`, again and again, of everything that runs: nothing that was answered is lost, and nothing sticks."""

import asyncio
import random
import time

import httpx
import pytest

from tests.support.client import Client
from tests.support.fault_sites import MakeSite
from tests.support.invariants import assert_clean, temporary_files, wait_until
from tests.support.load import (
    Sent,
    assert_served,
    draw_pictures,
    send_all,
    send_patiently,
    until,
    until_rendering,
    wait_complete,
)
from tests.support.process_control import descendants_of, kept_running, kill_pid, processes_of_site
from tests.support.site import Site

UPLOADS, KILLS = 60, 40


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_forty_kills_of_workers_and_children_during_sixty_uploads_lose_and_stick_nothing(
    make_site: MakeSite,
) -> None:
    site = make_site(workers=2).site
    pictures = draw_pictures(UPLOADS)
    dice = random.Random(4711)

    async with site.client() as client:
        with kept_running(*site.workers):
            sending = asyncio.create_task(send_all(client, pictures))
            started_at = time.monotonic()
            kills = await _kill_while_sending(site, dice)
            print(f"{kills} kills in {time.monotonic() - started_at:.1f} s", flush=True)
            sent = await sending
            print(f"{len(sent)} uploads in {time.monotonic() - started_at:.1f} s", flush=True)
            healed_s = await wait_complete(client, sent, within_s=60)
            print(f"all READY {healed_s:.1f} s after the last upload", flush=True)
            await assert_served(client, sent)
            print(f"served {time.monotonic() - started_at:.1f} s", flush=True)
            assert_clean(site)
            print(f"clean {time.monotonic() - started_at:.1f} s", flush=True)
        assert kills == KILLS
        assert len({one.session.image_id for one in sent}) == UPLOADS
        _assert_nothing_is_left(site)


@pytest.mark.slow
@pytest.mark.timeout(300)
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
            print(f"API killed {keeper.restarts} times; longest retry {max(map(_waited_s, sent)):.1f} s")
            await wait_complete(client, sent, within_s=40)
            await assert_served(client, sent)
            assert_clean(site, within_s=40)
        assert keeper.restarts >= 3


async def test_a_single_kill_of_a_worker_is_healed_within_15_seconds(make_plain_site: MakeSite) -> None:
    site = make_plain_site(workers=1).site
    async with site.client() as client:
        with kept_running(*site.workers):
            sending = asyncio.create_task(send_all(client, draw_pictures(4, seed=2000), at_once=4))
            await until_rendering(site)

            kill_pid(site.workers[0].pid)
            killed_at = time.monotonic()
            sent = await sending
            await wait_complete(client, sent, within_s=15)

            print(f"healed {time.monotonic() - killed_at:.1f} s after the kill")
            assert time.monotonic() - killed_at < 15
            assert_clean(site)


async def test_a_client_who_loses_the_answer_and_asks_again_gets_the_same_image(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    content = draw_pictures(1, seed=3000)[0]
    # Without a worker nobody sweeps, and the answer waits for a verdict while the bytes are registered already.
    assert site.workers[0].stop() == 0
    async with site.client() as client:
        with kept_running(*site.apis):
            session = await client.open_session(len(content))
            sending = asyncio.create_task(client.send(session, content))
            await until(lambda: _is_registered(client, session.image_id), within_s=5, what="registered")
            kill_pid(site.apis[0].pid)
            assert isinstance((await asyncio.gather(sending, return_exceptions=True))[0], httpx.TransportError)

            again = await send_patiently(client, content, session=session, within_s=30)
            site.workers[0].start()
            await wait_complete(client, [again], within_s=20)

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


def _waited_s(sent: Sent) -> float:
    return sum(took_s for _, took_s, _ in sent.refusals)


def _assert_nothing_is_left(site: Site) -> None:
    for program in site.programs:
        assert program.stop() == 0
    wait_until(lambda: not processes_of_site(site.data_dir), within_s=5)
    assert temporary_files(site) == []
    assert list((site.data_dir / "tmp").glob("process-*")) == []
