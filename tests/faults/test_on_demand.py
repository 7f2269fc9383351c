"""What is made on demand while the site is busy, or while a part of it is gone."""

import asyncio
import signal
from uuid import UUID

import httpx
import pytest

from app.db.variants import list_variants
from app.domain.variants import VariantState
from app.ids import ImageId
from tests.support.fault_sites import MakeSite
from tests.support.invariants import assert_clean
from tests.support.load import EIGHT, UNREACHABLE, until_rendering
from tests.support.on_demand import ALLOW, free_of, upload
from tests.support.pictures import make_jpeg
from tests.support.process_control import children_of, hold_children, kept_running, kill_pid, zygotes_of
from tests.support.site import Site
from tests.support.site_rows import open_rows
from tests.support.waiting import LIMIT_S, eventually

pytestmark = pytest.mark.full("minutes of faults; tests/services/test_on_demand*.py have the rules in process")

BACKLOG = 6
SLOW = {"processing": {"profile": "CUSTOM", "derivatives": [{"family": "AVIF", "size": "w2048"}]}}


async def test_an_interactive_render_overtakes_a_backlog_of_planned_variants(make_site: MakeSite) -> None:
    site = make_site(workers=1, environment={"SAFELIGHT_WORKERS": "1"}).site
    async with site.client() as client, httpx.AsyncClient(base_url=site.base_url, timeout=LIMIT_S) as stranger:
        image_id = await upload(client, make_jpeg(300, 200))
        await client.ask(ALLOW, may=True)
        assert site.workers[0].stop() == 0
        # Uploads are answered late while no worker judges them, but they are answered.
        sessions = await asyncio.gather(
            *(client.upload(make_jpeg(1800 + number, 1200), **EIGHT) for number in range(BACKLOG))
        )
        site.workers[0].start()
        await until_rendering(site)

        await eventually(lambda: _is_served(stranger, f"/t/{image_id}/width=50.png"), "made")
        before = await _complete_before(site, image_id, [one.image_id for one in sessions])

    # Of those that were asked for earlier, at most what was under way and its like were made meanwhile.
    assert before <= 2


async def test_a_miss_is_answered_while_uploads_hold_every_slot_of_theirs(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    async with site.client() as client, httpx.AsyncClient(base_url=site.base_url, timeout=LIMIT_S) as stranger:
        image_id = await upload(client, make_jpeg(300, 200))
        await client.ask(ALLOW, may=True)
        sending = [
            asyncio.create_task(client.upload(make_jpeg(2100 + number, 1400, noise=True), **SLOW))
            for number in range(int(site.environment["SAFELIGHT_WORKERS"]))
        ]
        held = await hold_children(site.workers[0].pid, len(sending))

        await eventually(lambda: _is_served(stranger, f"/t/{image_id}/width=50.png"), "made")
        still_there = [pid for zygote in zygotes_of(site.workers[0].pid) for pid in children_of(zygote)]
        for pid in held:
            kill_pid(pid, signal.SIGCONT)
        ends = [await client.wait_complete(session.image_id) for session in await asyncio.gather(*sending)]

    # Beside them the child of the miss may not have ended yet.
    assert set(held) <= set(still_there)
    assert [end["image"]["state"] for end in ends] == ["READY"] * len(held)


async def test_a_worker_killed_in_the_middle_is_made_good_while_the_request_is_held(make_site: MakeSite) -> None:
    # A lease that even a busy machine renews in time: the tries are counted.
    site = make_site(workers=1, environment={"SAFELIGHT_RENDER_LEASE_S": "6"}).site
    async with site.client() as client, httpx.AsyncClient(base_url=site.base_url, timeout=LIMIT_S) as stranger:
        image_id = await upload(client, make_jpeg(6000, 4000))
        await client.ask(ALLOW, may=True)
        with kept_running(*site.workers):
            asking = asyncio.create_task(stranger.get(f"/t/{image_id}/width=3000.avif?wait=30"))
            await until_rendering(site)

            kill_pid(site.workers[0].pid)
            answer = await asking
            if answer.status_code == 503:  # so slow is a busy machine that the request's own patience ended first
                assert answer.json()["code"] == "VARIANT_NOT_READY"
                await eventually(lambda: _is_served(stranger, f"/t/{image_id}/width=3000.avif"), "made")

            [row] = await free_of(site, image_id)
            assert answer.status_code in {200, 503}
            assert row.tries == 2
            assert_clean(site)


async def test_without_redis_a_miss_is_not_ready_and_is_made_when_redis_is_back(make_plain_site: MakeSite) -> None:
    broken = make_plain_site(workers=1)
    site = broken.site
    async with site.client() as client, httpx.AsyncClient(base_url=site.base_url, timeout=LIMIT_S) as stranger:
        image_id = await upload(client, make_jpeg(300, 202))
        await client.ask(ALLOW, may=True)
        path = f"/t/{image_id}/width=50.png"
        with kept_running(*site.workers):
            broken.redis.stop()
            try:
                missed = await stranger.get(f"{path}?wait=1")
            finally:
                broken.redis.start()
            await eventually(lambda: _is_served(stranger, path), "made", ignoring=UNREACHABLE)

    assert (missed.status_code, missed.json()["code"]) == (503, "VARIANT_NOT_READY")
    assert missed.headers["cache-control"] == "no-store"


async def _complete_before(site: Site, free_id: str, others: list[str]) -> int:
    """How many other images had all their variants made when the free one's was."""
    [free] = await free_of(site, free_id)
    async with open_rows(site) as database, database.read() as db:
        found = await list_variants(db, [ImageId(UUID(one)) for one in others])
    return [
        all(each.state is VariantState.READY and each.updated_at < free.updated_at for each in variants)
        for variants in found.values()
    ].count(True)


async def _is_served(stranger: httpx.AsyncClient, path: str) -> bool:
    answer = await stranger.get(f"{path}?wait=30")
    assert answer.status_code in {200, 503}, answer.text
    return answer.status_code == 200
