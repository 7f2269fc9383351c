"""What is made on demand while the house is busy, or while a part of it is gone."""

import asyncio
import signal

import httpx

from tests.e2e.test_on_demand import ALLOW, free_of, upload
from tests.support.fault_sites import MakeSite
from tests.support.invariants import assert_clean
from tests.support.load import EIGHT, ask_images, until, until_rendering
from tests.support.pictures import make_jpeg
from tests.support.process_control import children_of, hold_children, kept_running, kill_pid, zygotes_of

BACKLOG = 6
SLOW = {"processing": {"profile": "CUSTOM", "derivatives": [{"family": "AVIF", "size": "w2048"}]}}


async def test_an_interactive_render_overtakes_a_backlog_of_planned_variants(make_site: MakeSite) -> None:
    site = make_site(workers=1, environment={"SAFELIGHT_WORKERS": "1"}).site
    async with site.client() as client, httpx.AsyncClient(base_url=site.base_url, timeout=40) as stranger:
        image_id = await upload(client, make_jpeg(300, 200))
        await client.ask(ALLOW, may=True)
        assert site.workers[0].stop() == 0
        # Uploads are answered late while no worker judges them, but they are answered.
        sessions = await asyncio.gather(
            *(client.upload(make_jpeg(1800 + number, 1200), **EIGHT) for number in range(BACKLOG))
        )
        site.workers[0].start()
        await until_rendering(site)

        answer = await stranger.get(f"/t/{image_id}/width=50.png?wait=30")
        behind = [image["state"] for image in await ask_images(client, [one.image_id for one in sessions])]

    assert answer.status_code == 200
    # Of those that were asked for earlier, at most what was under way and its like were made meanwhile.
    assert behind.count("READY") <= 2, behind


async def test_a_miss_is_answered_while_uploads_hold_every_slot_of_theirs(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    async with site.client() as client, httpx.AsyncClient(base_url=site.base_url, timeout=40) as stranger:
        image_id = await upload(client, make_jpeg(300, 200))
        await client.ask(ALLOW, may=True)
        sending = [
            asyncio.create_task(client.upload(make_jpeg(2100 + number, 1400, noise=True), **SLOW))
            for number in range(int(site.environment["SAFELIGHT_WORKERS"]))
        ]
        held = await hold_children(site.workers[0].pid, len(sending))

        answer = await stranger.get(f"/t/{image_id}/width=50.png?wait=30")
        still_there = [pid for zygote in zygotes_of(site.workers[0].pid) for pid in children_of(zygote)]
        for pid in held:
            kill_pid(pid, signal.SIGCONT)
        ends = [await client.wait_complete(session.image_id) for session in await asyncio.gather(*sending)]

    assert answer.status_code == 200
    assert sorted(still_there) == sorted(held)
    assert [end["image"]["state"] for end in ends] == ["READY"] * len(held)


async def test_a_worker_killed_in_the_middle_is_made_good_while_the_request_is_held(make_site: MakeSite) -> None:
    site = make_site(workers=1).site
    async with site.client() as client, httpx.AsyncClient(base_url=site.base_url, timeout=40) as stranger:
        image_id = await upload(client, make_jpeg(6000, 4000))
        await client.ask(ALLOW, may=True)
        with kept_running(*site.workers):
            asking = asyncio.create_task(stranger.get(f"/t/{image_id}/width=3000.avif?wait=30"))
            await until_rendering(site)

            kill_pid(site.workers[0].pid)
            answer = await asking

            [row] = await free_of(site, image_id)
            assert answer.status_code == 200
            assert row.tries == 2
            assert_clean(site)


async def test_without_redis_a_miss_is_not_ready_and_is_made_when_redis_is_back(make_plain_site: MakeSite) -> None:
    broken = make_plain_site(workers=1)
    site = broken.site
    async with site.client() as client, httpx.AsyncClient(base_url=site.base_url, timeout=40) as stranger:
        image_id = await upload(client, make_jpeg(300, 202))
        await client.ask(ALLOW, may=True)
        path = f"/t/{image_id}/width=50.png"
        with kept_running(*site.workers):
            broken.redis.stop()
            try:
                missed = await stranger.get(f"{path}?wait=1")
            finally:
                broken.redis.start()
            healed_s = await until(lambda: _is_served(stranger, path), within_s=20, what="made")

    print(f"made {healed_s:.1f} s after Redis came back")
    assert (missed.status_code, missed.json()["code"]) == (503, "VARIANT_NOT_READY")
    assert missed.headers["cache-control"] == "no-store"


async def test_misses_beyond_the_budget_are_429_and_nothing_is_made_for_them(make_plain_site: MakeSite) -> None:
    site = make_plain_site(apis=2, environment={"SAFELIGHT_MISSES_PER_MINUTE": "3"}).site
    async with (
        site.client() as client,
        httpx.AsyncClient(base_url=site.api_urls[0], timeout=40) as first,
        httpx.AsyncClient(base_url=site.api_urls[1], timeout=40) as second,
    ):
        image_id = await upload(client, make_jpeg(300, 203))
        await client.ask(ALLOW, may=True)

        made = [
            await both.get(f"/t/{image_id}/width={10 + index}.png") for index, both in enumerate((first, second, first))
        ]
        refused = await second.get(f"/t/{image_id}/width=99.png")
        hit = await second.get(f"/t/{image_id}/width=10.png")

        assert [answer.status_code for answer in made] == [200, 200, 200]
        # Caches keep these, and one client's count is no other's.
        assert [name for answer in (*made, hit) for name in answer.headers if name.startswith("x-ratelimit")] == []
        told = {name: refused.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining")}
        assert told == {"limit": "3", "remaining": "0"}
        assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
        assert refused.headers["cache-control"] == "no-store"
        assert 0 < int(refused.headers["retry-after"]) <= 20
        assert hit.status_code == 200
        assert len(await free_of(site, image_id)) == 3


async def _is_served(stranger: httpx.AsyncClient, path: str) -> bool:
    return (await stranger.get(f"{path}?wait=0")).status_code == 200
