"""The sweep: what a crash left behind is put right, what lives is left alone, and no fault stops it for good."""

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from app.db.engine import utc_now
from app.db.images import update_image
from app.db.uploads import update_session
from app.db.variants import claim_variants, update_variants
from app.domain.states import ImageState, SessionState
from app.domain.variants import Family, VariantState
from app.ids import ImageId, make_uuid
from app.services.filing.orphans import TooManyOrphans, check_amount
from app.services.making.claim import LEASE
from app.services.making.outcomes import MAX_LOSSES
from app.services.uploads.leases import settle_abandoned
from app.services.uploads.scratch import clear_scratch, count_left, own_scratch
from app.storage.port import ObjectKey
from app.workers import maintenance
from app.workers.images import render
from tests.support.pictures import make_jpeg
from tests.support.waiting import in_time
from tests.support.worker_fixture import Upload, Workshop, facts_of

PAST = timedelta(seconds=1)


async def test_an_upload_that_was_registered_before_its_process_died_is_answered(cold_workshop: Workshop) -> None:
    upload = await cold_workshop.register()
    await _let_lease_end(cold_workshop, upload)

    await cold_workshop.retention.sweep()

    assert (await cold_workshop.session(upload)).state is SessionState.COMPLETED
    assert (await cold_workshop.image(upload.image_id)).state is ImageState.PROCESSING
    assert await cold_workshop.keys() == {upload.key.text}


async def test_an_upload_whose_process_died_before_is_open_again_without_bytes(
    cold_workshop: Workshop,
) -> None:
    upload = await cold_workshop.add_upload(make_jpeg())
    await _let_lease_end(cold_workshop, upload)

    await cold_workshop.retention.sweep()

    session = await cold_workshop.session(upload)
    assert (session.state, session.lease_id) == (SessionState.OPEN, None)
    assert await cold_workshop.keys() == set()


async def test_bytes_of_a_try_that_broke_off_go_even_if_the_next_try_is_done_before_the_sweep(
    workshop: Workshop,
) -> None:
    upload = await workshop.add_upload(make_jpeg())
    await _let_lease_end(workshop, upload)
    async with workshop.database.write() as db:
        await settle_abandoned(db, await workshop.session(upload), now=utc_now())
    content = make_jpeg(320, 240)
    again = Upload(upload.image_id, upload.session_id, ObjectKey.upload(upload.image_id, 1, uuid4()))
    await workshop.put(again.key, content)
    async with workshop.database.write() as db:
        await update_image(db, upload.image_id, facts_of(again, content, 320, 240))
    await render(workshop.tools, upload.image_id)

    await workshop.retention.sweep()

    variants = await workshop.variants(upload.image_id)
    assert await workshop.keys() == {again.key.text, *(variant.object_key for variant in variants)}


async def test_bytes_of_uploads_and_renders_under_way_are_left_alone(cold_workshop: Workshop) -> None:
    receiving = await cold_workshop.add_upload(make_jpeg())
    rendering = await cold_workshop.register()
    now = utc_now()
    async with cold_workshop.database.write() as db:
        await claim_variants(db, rendering.image_id, now=now, lease_until=now + LEASE)
    current = ObjectKey.variant(rendering.image_id, 1, 1, Family.WEBP, "small", "webp")
    other_try = ObjectKey.variant(rendering.image_id, 1, 2, Family.WEBP, "small", "webp")
    nobodys = ObjectKey.variant(ImageId(make_uuid()), 1, 1, Family.WEBP, "small", "webp")
    for key in (current, other_try, nobodys):
        await cold_workshop.put(key, b"bytes")

    deleted = await cold_workshop.retention.delete_orphans(older_than=timedelta(0))

    assert deleted == 2
    assert await cold_workshop.keys() == {receiving.key.text, rendering.key.text, current.text}


async def test_work_that_was_lost_too_often_is_given_up_and_the_rest_asked_for(cold_workshop: Workshop) -> None:
    worn_out, waiting = await cold_workshop.register(), await cold_workshop.register()
    async with cold_workshop.database.write() as db:
        lost = {"state": VariantState.RENDERING, "losses": MAX_LOSSES, "lease_until": utc_now() - PAST}
        await update_variants(db, worn_out.image_id, lost)

    await cold_workshop.retention.sweep()

    assert {variant.state for variant in await cold_workshop.variants(worn_out.image_id)} == {VariantState.FAILED}
    jobs = [str(name) for name in await cold_workshop.redis.zrange("safelight:render", 0, -1)]
    assert len(jobs) == 1
    assert str(waiting.image_id) in jobs[0]


async def test_a_store_that_is_away_keeps_nothing_else_from_being_mended(cold_workshop: Workshop) -> None:
    upload = await cold_workshop.register()
    broken_off = await cold_workshop.add_upload(make_jpeg())
    await _let_lease_end(cold_workshop, broken_off)
    away = cold_workshop.store_dir.rename(cold_workshop.store_dir.with_name("away"))

    await cold_workshop.retention.sweep()

    assert (await cold_workshop.session(broken_off)).state is SessionState.OPEN
    assert any(str(upload.image_id) in name for name in await cold_workshop.redis.zrange("safelight:render", 0, -1))
    away.rename(cold_workshop.store_dir)
    await cold_workshop.retention.sweep()
    assert await cold_workshop.keys() == {upload.key.text}


async def test_no_fault_ends_the_sweep(cold_workshop: Workshop) -> None:
    sweeps = asyncio.Queue[None]()

    def break_off() -> None:
        sweeps.put_nowait(None)
        raise ValueError("a bug")

    sweeping = asyncio.create_task(maintenance.sweep_for_ever(cold_workshop.retention, break_off, every_s=0))

    for _ in range(3):
        await in_time(sweeps.get())
    sweeping.cancel()


def test_files_of_a_process_that_lives_stay_and_others_go(tmp_path: Path) -> None:
    gone = tmp_path / "process-gone"
    gone.mkdir()
    (gone / "upload-1").write_bytes(b"left")
    with own_scratch(tmp_path) as own:
        (own.folder / "upload-2").write_bytes(b"in use")
        gone.mkdir(exist_ok=True)
        (gone / "upload-3").write_bytes(b"left")

        assert count_left(tmp_path) == 1
        clear_scratch(tmp_path)

        assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["upload-2"]
    assert list(tmp_path.iterdir()) == []


async def _let_lease_end(workshop: Workshop, upload: Upload) -> None:
    async with workshop.database.write() as db:
        ended = {"lease_until": utc_now() - PAST}
        await update_session(db, upload.session_id, ended, only_in=[SessionState.RECEIVING])


async def test_a_sweep_whose_database_names_no_object_of_the_store_deletes_none(
    cold_workshop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    strange = [ObjectKey.variant(ImageId(make_uuid()), 1, 1, Family.WEBP, "small", "webp") for _ in range(3)]
    for key in strange:
        await cold_workshop.put(key, b"bytes")

    assert await cold_workshop.retention.delete_orphans(older_than=timedelta(0)) == 0

    assert await cold_workshop.keys() == {key.text for key in strange}
    (line,) = [line for line in caplog.records if line.message == "orphans_kept"]
    assert (line.levelname, vars(line)["orphans"], vars(line)["objects"]) == ("ERROR", 3, 3)


async def test_a_sweep_that_finds_more_orphans_than_a_crash_leaves_deletes_none(cold_workshop: Workshop) -> None:
    named = await cold_workshop.register()
    strange = {ObjectKey.variant(ImageId(make_uuid()), 1, 1, Family.WEBP, "small", "webp") for _ in range(101)}
    for key in strange:
        await cold_workshop.put(key, b"bytes")

    assert await cold_workshop.retention.delete_orphans(older_than=timedelta(0)) == 0

    assert await cold_workshop.keys() == {named.key.text, *(key.text for key in strange)}
    await cold_workshop.store.delete([min(strange)])
    assert await cold_workshop.retention.delete_orphans(older_than=timedelta(0)) == 100
    assert await cold_workshop.keys() == {named.key.text}


@pytest.mark.parametrize(
    ("orphans", "objects", "is_refused"),
    [(0, 0, False), (1, 1, True), (100, 101, False), (101, 9_999, True), (101, 10_100, False), (300, 30_001, False)],
)
def test_one_percent_of_the_store_is_the_most_that_goes(orphans: int, objects: int, *, is_refused: bool) -> None:
    with pytest.raises(TooManyOrphans) if is_refused else contextlib.nullcontext():
        check_amount(orphans, objects)
