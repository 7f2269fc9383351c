"""Limits of a job: an end by one of them is the fault of the picture or of the machine; and jobs that run alone."""

import asyncio
import signal
from dataclasses import replace

import pytest
from PIL import Image

from app.domain.formats import ImageFormat
from app.errors import (
    ImageTooLarge,
    InvalidImage,
    Lack,
    RenderFailed,
    RenderTimeout,
    SafelightError,
    Starved,
)
from app.rendering.limits import CageLimits
from tests.support.render_fault_site import Site, sending
from tests.support.render_fixture import box, make_spec, read_facts, render
from tests.support.render_inputs import save
from tests.support.render_processes import (
    needs_linux,
)
from tests.support.unhurried import UNHURRIED_CAGE

pytestmark = [pytest.mark.asyncio(loop_scope="function"), needs_linux]

SHORT_DEADLINE = replace(UNHURRIED_CAGE, deadline_base_s=1, deadline_per_cpu_s=0)


async def test_the_deadline_kills_the_child_and_blames_the_machine(site: Site) -> None:
    await site.open(SHORT_DEADLINE)

    # It does not run out of processor time, and would never end.
    with pytest.raises(Starved) as caught:
        await site.render_slow(sending(signal.SIGSTOP))

    assert caught.value.lack is Lack.TIME
    await site.assert_healed()


async def test_the_deadline_blames_a_picture_that_used_up_its_processor_time(site: Site) -> None:
    # The kernel counts whole seconds, so that the clock is faster here.
    await site.open(replace(SHORT_DEADLINE, deadline_base_s=0.7, cpu_base_s=0.2, cpu_per_megapixel_s=0))

    with pytest.raises((RenderTimeout, Starved)) as caught:
        await render(site.cage, site.slow, site.slow_specs)

    await site.cage.close()
    # A busy machine may not have given it so much.
    assert not isinstance(caught.value, Starved) or caught.value.lack is Lack.TIME


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(replace(UNHURRIED_CAGE, threads=0), id="threads"),
        pytest.param(replace(UNHURRIED_CAGE, total_base_bytes=0, bytes_per_pixel=0), id="bytes"),
    ],
)
async def test_the_zygote_ends_a_child_with_too_many_threads_or_bytes(site: Site, limits: CageLimits) -> None:
    await site.open(limits)

    with pytest.raises((InvalidImage, RenderFailed)):
        await render(site.cage, site.slow, site.slow_specs)

    assert site.left_overs() == []


async def test_a_lone_job_runs_when_all_others_have_ended_and_holds_back_later_ones(site: Site) -> None:
    cage = await site.open()
    order: list[str] = []

    async def run(name: str, *, is_alone: bool) -> None:
        job = cage.job(site.quick, read_facts(site.quick), [site.quick_spec], is_alone=is_alone)
        async with job as answers:
            order.append(f"{name} begins")
            async for _ in answers:
                pass
        order.append(f"{name} ends")

    async with cage.job(site.slow, read_facts(site.slow), site.slow_specs) as job:
        await anext(job)
        lone = asyncio.create_task(run("lone", is_alone=True))
        await asyncio.sleep(0)
        later = asyncio.create_task(run("later", is_alone=False))
        await anext(job)
        assert order == []
    await asyncio.gather(lone, later)

    assert order == ["lone begins", "lone ends", "later begins", "later ends"]
    await site.assert_healed()


async def test_a_lone_job_that_is_cancelled_while_it_waits_holds_no_other_back(site: Site) -> None:
    cage = await site.open()
    async with cage.job(site.slow, read_facts(site.slow), site.slow_specs) as job:
        await anext(job)
        lone = asyncio.create_task(_enter_alone(site))
        await asyncio.sleep(0)
        lone.cancel()
        await asyncio.gather(lone, return_exceptions=True)

    await site.assert_healed()


async def _enter_alone(site: Site) -> None:
    async with site.cage.job(site.quick, read_facts(site.quick), [site.quick_spec], is_alone=True):
        pass


async def test_the_cpu_limit_ends_a_rendering_that_the_clock_would_allow(site: Site) -> None:
    cage = await site.open(replace(UNHURRIED_CAGE, cpu_base_s=1, cpu_per_megapixel_s=0))

    with pytest.raises(RenderTimeout):
        await render(cage, site.slow, site.slow_specs)

    await site.assert_healed()


async def test_memory_above_the_limit_is_refused(site: Site) -> None:
    cage = await site.open(replace(UNHURRIED_CAGE, address_space_bytes=240 * 1024 * 1024))
    large = save(Image.new("RGB", (5000, 4000)), site.scratch.parent / "large.png", compress_level=1)

    with pytest.raises((ImageTooLarge, InvalidImage)) as caught:
        await render(cage, large, [make_spec(large, ImageFormat.WEBP, box(4000))])

    assert isinstance(caught.value, SafelightError)
    await site.assert_healed()
