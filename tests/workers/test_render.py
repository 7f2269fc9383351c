"""The job render_image: whatever happens to it, each variant ends READY or FAILED, once, and nothing is left lying."""

import asyncio
import hashlib
import os
import signal
from datetime import timedelta

from app.db.engine import utc_now
from app.db.records import VariantRecord
from app.db.variants import update_variants
from app.domain.states import ImageState, SessionState
from app.domain.variants import VariantState
from app.ids import ImageId
from app.services.making.outcomes import MAX_FAILURES, pause_s
from app.storage.port import ObjectKey
from app.workers.images import render
from tests.support.pictures import make_jpeg
from tests.support.process_control import hold_children
from tests.support.waiting import eventually
from tests.support.worker_fixture import Workshop

WIDTH, HEIGHT = 640, 480


async def test_every_variant_is_ready_with_the_bytes_that_its_row_describes(workshop: Workshop) -> None:
    upload = await workshop.register(WIDTH, HEIGHT)

    await render(workshop.tools, upload.image_id)

    image, variants = await workshop.image(upload.image_id), await workshop.variants(upload.image_id)
    assert image.state is ImageState.READY
    assert image.thumbhash is not None
    assert (await workshop.session(upload)).state is SessionState.COMPLETED
    assert [variant.state for variant in variants] == [VariantState.READY] * 3
    assert len({variant.revision for variant in variants}) == 3
    for variant in variants:
        content = await workshop.store.read(ObjectKey.parse(variant.object_key or ""), max_bytes=10**7)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (variant.byte_size, variant.sha256)
    assert await workshop.keys() == {image.upload_key, *(variant.object_key for variant in variants)}
    assert workshop.scratch_files() == []


async def test_running_twice_is_boring(workshop: Workshop) -> None:
    upload = await workshop.register(WIDTH, HEIGHT)
    await render(workshop.tools, upload.image_id)
    before = await workshop.variants(upload.image_id)

    await render(workshop.tools, upload.image_id)

    assert await workshop.variants(upload.image_id) == before


async def test_two_workers_on_one_job_make_each_variant_once(workshop: Workshop) -> None:
    upload = await workshop.register(WIDTH, HEIGHT)

    await asyncio.gather(*(render(workshop.tools, upload.image_id) for _ in range(4)))

    variants = await workshop.variants(upload.image_id)
    assert [(variant.state, variant.attempt) for variant in variants] == [(VariantState.READY, 1)] * 3
    assert len(await workshop.keys()) == 4


async def test_a_worker_that_comes_too_late_leaves_neither_row_nor_object(workshop: Workshop) -> None:
    upload = await workshop.register(WIDTH, HEIGHT)
    late = asyncio.create_task(render(workshop.tools, upload.image_id))
    await _until_claimed(workshop, upload.image_id)
    await _change(workshop, upload.image_id, lease_until=utc_now() - timedelta(seconds=1))

    await render(workshop.tools, upload.image_id)
    await late

    variants = await workshop.variants(upload.image_id)
    assert {variant.state for variant in variants} == {VariantState.READY}
    assert await workshop.keys() == {upload.key.text, *(variant.object_key for variant in variants)}
    assert max(variant.attempt for variant in variants) <= 2


async def test_a_store_that_is_away_costs_the_picture_nothing(workshop: Workshop) -> None:
    upload = await workshop.register(WIDTH, HEIGHT)
    away = workshop.store_dir.rename(workshop.store_dir.with_name("away"))

    await render(workshop.tools, upload.image_id)
    handed_back = await workshop.variants(upload.image_id)
    away.rename(workshop.store_dir)
    await _let_pause_pass(workshop, upload.image_id)
    await render(workshop.tools, upload.image_id)

    assert _story(handed_back) == {(VariantState.PLANNED, 0, 0)}
    assert all(variant.not_before is not None for variant in handed_back)
    assert _story(await workshop.variants(upload.image_id)) == {(VariantState.READY, 0, 0)}


async def test_lost_bytes_fail_after_three_tries_with_growing_pauses(workshop: Workshop) -> None:
    upload = await workshop.register(WIDTH, HEIGHT, is_answered=True)
    await workshop.store.delete([upload.key])
    pauses_s = []
    for _ in range(MAX_FAILURES):
        await render(workshop.tools, upload.image_id)
        failed_at = (await workshop.image(upload.image_id)).updated_at
        (variant, *_rest) = await workshop.variants(upload.image_id)
        if variant.not_before is not None:
            pauses_s.append((variant.not_before - failed_at).total_seconds())
        await _let_pause_pass(workshop, upload.image_id)

    variants = await workshop.variants(upload.image_id)
    assert _story(variants) == {(VariantState.FAILED, MAX_FAILURES, 0)}
    assert {variant.error_code for variant in variants} == {"RENDER_FAILED"}
    assert (await workshop.image(upload.image_id)).state is ImageState.FAILED
    assert len(pauses_s) == MAX_FAILURES - 1
    assert pauses_s == [pause_s(1), pause_s(2)]
    assert pauses_s[1] > pauses_s[0]


async def test_bytes_that_are_no_picture_close_their_session_and_are_not_kept(workshop: Workshop) -> None:
    broken = make_jpeg(WIDTH, HEIGHT, noise=True)
    broken = broken[: len(broken) // 3] + b"\xff\xd8\xff\xc0" * 200
    upload = await workshop.register(WIDTH, HEIGHT, content=broken)

    await render(workshop.tools, upload.image_id)

    session = await workshop.session(upload)
    assert (session.state, session.error_code) == (SessionState.FAILED, "INVALID_IMAGE")
    assert (await workshop.image(upload.image_id)).is_draft
    assert await workshop.keys() == set()


async def test_a_worker_that_is_stopped_hands_its_work_back(workshop: Workshop) -> None:
    upload = await workshop.register(WIDTH, HEIGHT, content=make_jpeg(4000, 3000))
    working = asyncio.create_task(render(workshop.tools, upload.image_id))
    await _until_claimed(workshop, upload.image_id)

    working.cancel()
    await asyncio.gather(working, return_exceptions=True)

    variants = await workshop.variants(upload.image_id)
    unfinished = [variant for variant in variants if variant.state is not VariantState.READY]
    assert _story(unfinished) <= {(VariantState.PLANNED, 0, 0)}
    assert workshop.scratch_files() == []
    await _let_pause_pass(workshop, upload.image_id)
    await render(workshop.tools, upload.image_id)
    assert {variant.state for variant in await workshop.variants(upload.image_id)} == {VariantState.READY}


async def _render_and_kill_its_child(workshop: Workshop, image_id: ImageId) -> None:
    working = asyncio.create_task(render(workshop.tools, image_id))
    (child,) = await hold_children(os.getpid(), 1)
    os.kill(child, signal.SIGKILL)
    await working


async def _until_claimed(workshop: Workshop, image_id: ImageId) -> None:
    async def is_claimed() -> bool:
        return any(variant.attempt for variant in await workshop.variants(image_id))

    await eventually(is_claimed, "claimed")


async def _let_pause_pass(workshop: Workshop, image_id: ImageId) -> None:
    await _change(workshop, image_id, not_before=None)


async def _change(workshop: Workshop, image_id: ImageId, **values: object) -> None:
    async with workshop.database.write() as db:
        await update_variants(db, image_id, values)


def _story(variants: list[VariantRecord]) -> set[tuple[VariantState, int, int]]:
    return {(variant.state, variant.failures, variant.losses) for variant in variants}
