"""What befalls a cage from outside, and what must be left after it: no process, no file, no waiting."""

import asyncio
import os
import signal
from dataclasses import replace

import pytest

from app.errors import (
    InvalidImage,
    Lack,
    RenderFailed,
    SafelightError,
    Starved,
    Unavailable,
)
from app.rendering.protocol import Decoded
from tests.support.render_fault_site import Site, sending
from tests.support.render_fixture import read_facts, render
from tests.support.render_processes import (
    is_running,
    needs_linux,
    wait_for_child,
    wait_until_gone,
)
from tests.support.unhurried import UNHURRIED_CAGE
from tests.support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="function"), needs_linux]

SHORT_DEADLINE = replace(UNHURRIED_CAGE, deadline_base_s=1, deadline_per_cpu_s=0)


async def test_a_child_killed_from_outside_is_a_passing_fault(site: Site) -> None:
    await site.open()

    with pytest.raises(Starved) as caught:
        await site.render_slow(sending(signal.SIGKILL))

    assert caught.value.lack is Lack.MEMORY

    await site.assert_healed()


SAME_END = pytest.mark.full("another signal that ends a child; make test has SIGSEGV")


@pytest.mark.parametrize(
    "number",
    [signal.SIGSEGV, *(pytest.param(each, marks=SAME_END) for each in (signal.SIGABRT, signal.SIGSYS, signal.SIGBUS))],
)
async def test_a_crash_before_the_verdict_is_the_pictures_fault(site: Site, number: signal.Signals) -> None:
    await site.open()

    async def is_blamed() -> bool:
        try:
            await site.render_slow(sending(number))
        except InvalidImage:
            return True
        except Unavailable:
            return False  # too early: the sandbox was not closed yet, so that the picture is not to blame
        except RenderFailed:
            # A busy machine struck too late, when the verdict was there: once more.
            assert [type(answer) for answer in site.answers][:1] == [Decoded]
            return False
        pytest.fail("the child did not crash")

    await eventually(is_blamed, "a crash comes before the verdict")

    await site.assert_healed()


async def test_a_crash_after_the_verdict_fails_the_rendering(site: Site) -> None:
    await site.open()

    with pytest.raises(RenderFailed):
        await site.render_slow(sending(signal.SIGSEGV), when=Decoded)

    await site.assert_healed()


async def test_a_zygote_killed_at_work_takes_its_child_along_and_is_replaced(site: Site) -> None:
    await site.open()
    zygote = site.zygote()

    children: list[int] = []

    async def strike(child: int) -> None:
        children.append(child)
        os.kill(zygote, signal.SIGKILL)

    with pytest.raises(Unavailable):
        await site.render_slow(strike)

    await wait_until_gone(*children, zygote)
    await site.assert_healed()
    assert site.zygote() != zygote


@pytest.mark.full("another moment to kill a zygote; make test kills one at work")
async def test_a_zygote_killed_while_idle_costs_no_job(site: Site) -> None:
    cage = await site.open()
    (idle,) = cage._pool._alive

    os.kill(idle.pid, signal.SIGKILL)
    await eventually(lambda: not idle.is_alive, "its end is noticed")

    await site.assert_healed()


async def test_a_stopped_zygote_does_not_hang_the_parent(site: Site) -> None:
    await site.open(replace(SHORT_DEADLINE, kill_timeout_s=0.3))
    zygote = site.zygote()

    children: list[int] = []

    async def strike(child: int) -> None:
        children.append(child)
        os.kill(zygote, signal.SIGSTOP)
        os.kill(child, signal.SIGSTOP)

    with pytest.raises(Starved):
        await site.render_slow(strike)

    await wait_until_gone(*children, zygote)
    await site.assert_healed()


async def test_a_consumer_that_is_cancelled_leaves_nothing(site: Site) -> None:
    cage = await site.open()
    task = asyncio.create_task(render(cage, site.slow, site.slow_specs))
    child = await wait_for_child(site.zygote())

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not is_running(child)
    await site.assert_healed()


@pytest.mark.full("another way to leave; make test cancels a consumer")
async def test_a_consumer_that_leaves_early_kills_the_child(site: Site) -> None:
    cage = await site.open()

    async with cage.job(site.slow, read_facts(site.slow), site.slow_specs) as job:
        async for answer in job:
            assert isinstance(answer, Decoded)
            child = await wait_for_child(site.zygote())
            break

    assert not is_running(child)
    await site.assert_healed()


async def test_a_job_that_yields_asks_for_less_of_a_busy_processor(site: Site) -> None:
    cage = await site.open(replace(UNHURRIED_CAGE, niceness=3))
    niceness = []

    for yields in (False, True):
        async with cage.job(site.slow, read_facts(site.slow), site.slow_specs, yields=yields) as job:
            await anext(job)
            child = await wait_for_child(site.zygote())
            niceness.append(os.getpriority(os.PRIO_PROCESS, child) - os.getpriority(os.PRIO_PROCESS, site.zygote()))

    assert niceness == [0, 3]
    await site.assert_healed()


async def test_an_old_zygote_is_replaced(site: Site) -> None:
    await site.open(replace(UNHURRIED_CAGE, jobs_per_zygote=2))
    first = site.zygote()

    for _ in range(3):
        await render(site.cage, site.quick, [site.quick_spec])

    assert site.zygotes() - {first}
    await wait_until_gone(first)


async def test_closing_ends_a_running_job(site: Site) -> None:
    cage = await site.open()
    task = asyncio.create_task(render(cage, site.slow, site.slow_specs))
    child = await wait_for_child(site.zygote())

    await cage.close()

    with pytest.raises(SafelightError):
        await task
    await wait_until_gone(child)


async def test_headers_that_lie_about_the_size_are_found_out(site: Site) -> None:
    cage = await site.open()
    for source in (site.slow, site.quick):
        facts = read_facts(source)

        with pytest.raises(InvalidImage):
            await render(cage, source, [], facts=replace(facts, width_px=facts.width_px + 1))

    await site.assert_healed()


async def test_a_missing_source_is_an_error_and_no_more(site: Site) -> None:
    cage = await site.open()

    with pytest.raises(FileNotFoundError):
        await render(cage, site.scratch / "none.jpg", [], facts=read_facts(site.slow))

    await site.assert_healed()


async def test_the_stored_original_cannot_be_changed_by_a_job(site: Site) -> None:
    cage = await site.open()
    before = site.slow.read_bytes()
    async with cage.job(site.slow, read_facts(site.slow), []) as job:
        async for _ in job:
            pass

    assert site.slow.read_bytes() == before
    assert site.slow.stat().st_nlink == 1
