"""Faults of the machine: they cost an image no attempt, and end its tries only after a day or three lone ends."""

import asyncio
import io
import os
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from PIL import Image

from app.db.engine import utc_now
from app.db.records import VariantRecord
from app.db.variants import insert_variants, update_variants
from app.domain.states import ImageState
from app.domain.variants import Derivative, Family, VariantState
from app.ids import ImageId
from app.rendering.sandbox import Cage
from app.services.making.outcomes import MAX_LONE_STARVATIONS
from app.services.making.planning import planned_rows
from app.storage.port import ObjectKey
from app.telemetry import RENDERS
from app.workers.images import RenderTools, render
from tests.support.pictures import make_jpeg
from tests.support.process_control import hold_children
from tests.support.small_disks import fill, read_only
from tests.support.unhurried import UNHURRIED_CAGE
from tests.support.worker_fixture import Workshop


async def test_a_child_that_is_killed_costs_the_image_no_attempt_and_lets_it_run_alone(workshop: Workshop) -> None:
    upload = await workshop.register(content=make_jpeg(4000, 3000, noise=True))

    await _render_and_kill_its_child(workshop.tools, upload.image_id)

    put_off = await workshop.variants(upload.image_id)
    await _let_pause_pass(workshop, upload.image_id)
    claim = await workshop.tools.claims.claim(upload.image_id)
    assert claim is not None
    await workshop.tools.claims.hand_back(claim, claim.variants)
    await _let_pause_pass(workshop, upload.image_id)
    await render(workshop.tools, upload.image_id)
    assert _counts(put_off) == {(VariantState.PLANNED, 0, 0, 1, 1)}
    assert claim.runs_alone
    assert _counts(await workshop.variants(upload.image_id)) == {(VariantState.READY, 0, 0, 0, 0)}


async def test_a_picture_that_is_killed_three_times_alone_fails_and_a_larger_worker_tries_it_again(
    workshop: Workshop,
) -> None:
    upload = await workshop.register(content=make_jpeg(4000, 3000, noise=True), is_answered=True)
    tools = replace(workshop.tools, memory_bytes=1 << 30)
    await _change(workshop, upload.image_id, starvations=MAX_LONE_STARVATIONS)
    failed_before = _count_failed()

    await _render_and_kill_its_child(tools, upload.image_id)

    variants = await workshop.variants(upload.image_id)
    assert {(variant.state, variant.failures) for variant in variants} == {(VariantState.FAILED, 0)}
    assert {variant.error_code for variant in variants} == {"RENDER_FAILED"}
    assert all("1024 MiB" in (variant.error_message or "") for variant in variants)
    assert (await workshop.image(upload.image_id)).state is ImageState.FAILED
    assert _count_failed() == failed_before + len(variants)
    assert await workshop.retention.starved.retry(memory_bytes=1 << 30) == 0
    assert await workshop.retention.starved.retry(memory_bytes=2 << 30) == 1
    await render(tools, upload.image_id)
    assert _counts(await workshop.variants(upload.image_id)) == {(VariantState.READY, 0, 0, 0, 0)}


async def test_faults_of_the_machine_are_tried_again_with_pauses_from_half_a_second_to_ten_minutes(
    workshop: Workshop,
) -> None:
    upload = await workshop.register(is_answered=True)
    pauses_s = []
    for _ in range(14):
        claim = await workshop.tools.claims.claim(upload.image_id)
        assert claim is not None
        await workshop.tools.claims.put_off(claim, claim.variants)
        (variant, *_rest) = await workshop.variants(upload.image_id)
        assert variant.not_before is not None
        put_off_at = (await workshop.image(upload.image_id)).updated_at
        pauses_s.append((variant.not_before - put_off_at).total_seconds())
        await _let_pause_pass(workshop, upload.image_id)

    assert pauses_s[:3] == [0.5, 1, 2]
    assert pauses_s[-1] == 600
    assert _counts(await workshop.variants(upload.image_id)) == {(VariantState.PLANNED, 0, 0, 14, 0)}
    await render(workshop.tools, upload.image_id)
    assert _counts(await workshop.variants(upload.image_id)) == {(VariantState.READY, 0, 0, 0, 0)}


async def test_faults_of_the_machine_for_a_day_end_the_tries(workshop: Workshop) -> None:
    upload = await workshop.register(is_answered=True)
    yesterday = utc_now() - timedelta(hours=24, seconds=1)
    await _change(workshop, upload.image_id, host_faults=200, host_faults_since=yesterday)
    workshop.store_dir.rename(workshop.store_dir.with_name("away"))

    await render(workshop.tools, upload.image_id)

    variants = await workshop.variants(upload.image_id)
    assert {(variant.state, variant.failures) for variant in variants} == {(VariantState.FAILED, 0)}
    assert all("24 hours" in (variant.error_message or "") for variant in variants)


async def test_a_scratch_folder_that_is_full_or_read_only_or_gone_costs_the_picture_nothing(
    workshop: Workshop, small_disk: Path
) -> None:
    upload = await workshop.register(content=make_jpeg(2000, 1500, noise=True), is_answered=True)
    tools = replace(workshop.tools, scratch_dir=small_disk)

    filler = fill(small_disk, left_bytes=64 * 1024)
    await render(tools, upload.image_id)
    filler.unlink()
    await _let_pause_pass(workshop, upload.image_id)
    with read_only(small_disk):
        await render(tools, upload.image_id)
    put_off = await workshop.variants(upload.image_id)
    await _let_pause_pass(workshop, upload.image_id)
    # A folder that is gone is created again.
    await render(replace(tools, scratch_dir=small_disk / "gone"), upload.image_id)

    assert _counts(put_off) == {(VariantState.PLANNED, 0, 0, 2, 0)}
    assert _counts(await workshop.variants(upload.image_id)) == {(VariantState.READY, 0, 0, 0, 0)}


async def test_a_disk_that_is_full_while_files_are_written_costs_the_picture_nothing(
    workshop: Workshop, small_disk: Path
) -> None:
    upload = await workshop.register(2000, 1500, content=make_jpeg(2000, 1500, noise=True), is_answered=True)
    await _plan_more(workshop, upload.image_id, Derivative(Family.PNG, "w1536"), Derivative(Family.AVIF, "w1536"))
    cage = Cage(slots=1, scratch_dir=small_disk / "cage", limits=UNHURRIED_CAGE)
    await cage.start()
    tools = replace(workshop.tools, cage=cage)
    try:
        # The source is linked where it can be, and is copied here.
        filler = fill(small_disk, left_bytes=(4 << 20) + 32 * 1024)
        await render(tools, upload.image_id)
        put_off = await workshop.variants(upload.image_id)
        filler.unlink()
        await _let_pause_pass(workshop, upload.image_id)
        await render(tools, upload.image_id)
    finally:
        await cage.close()

    unfinished = [variant for variant in put_off if variant.state is not VariantState.READY]
    assert _counts(unfinished) == {(VariantState.PLANNED, 0, 0, 1, 0)}
    variants = await workshop.variants(upload.image_id)
    assert {variant.state for variant in variants} == {VariantState.READY}
    for variant in variants:
        content = await workshop.store.read(ObjectKey.parse(variant.object_key or ""), max_bytes=10**8)
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()


async def _render_and_kill_its_child(tools: RenderTools, image_id: ImageId) -> None:
    working = asyncio.create_task(render(tools, image_id))
    (child,) = await hold_children(os.getpid(), 1)
    os.kill(child, signal.SIGKILL)
    await working


async def _plan_more(workshop: Workshop, image_id: ImageId, *derivatives: Derivative) -> None:
    async with workshop.database.write() as db:
        await insert_variants(db, planned_rows(image_id, derivatives, now=utc_now(), first_position=10))


async def _let_pause_pass(workshop: Workshop, image_id: ImageId) -> None:
    await _change(workshop, image_id, not_before=None)


async def _change(workshop: Workshop, image_id: ImageId, **values: object) -> None:
    async with workshop.database.write() as db:
        await update_variants(db, image_id, values)


def _counts(variants: list[VariantRecord]) -> set[tuple[VariantState, int, int, int, int]]:
    return {(each.state, each.failures, each.losses, each.host_faults, each.starvations) for each in variants}


def _count_failed() -> float:
    return sum(float(RENDERS.labels(family=family.value, outcome="failed")._value.get()) for family in Family)
