"""Other bytes in an image's place."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.db.engine import utc_now
from app.db.tables import upload_sessions
from app.domain.access import Principal, Scope
from app.domain.formats import ImageFormat
from app.domain.states import ImageState, SessionState
from app.domain.variants import Derivative, Family, VariantState
from app.errors import (
    Conflict,
    FileTooLarge,
    InvalidFileType,
    InvalidImage,
    InvalidRequest,
    NotFound,
    UploadAlreadyUsed,
    UploadExpired,
)
from app.ids import AccountId, ImageId, SessionId, make_uuid
from app.services.uploads.opening import OpenedSession
from app.services.uploads.reception import Sending
from tests.support.pictures import Tags, make_jpeg, make_png
from tests.support.upload_harness import Workbench
from tests.support.waiting import eventually, in_time

pytestmark = pytest.mark.asyncio(loop_scope="session")

THUMB = Derivative(Family.PNG, "thumb")
SMALL = Derivative(Family.PNG, "small")


async def test_a_replacement_keeps_the_id_and_makes_every_variant_anew(bench: Workbench) -> None:
    image_id = await bench.upload(make_jpeg(300, 200, tags=Tags(camera=True)), THUMB, SMALL)
    before = await bench.look(image_id)
    content = make_png(150, 210)

    opened = await _open(bench, image_id, content)
    waiting = await bench.image(image_id)
    reception = await bench.send(opened, content)
    await bench.work(image_id)
    after = await bench.look(image_id)

    assert opened.snapshot.image.id == opened.session.image_id == image_id
    assert (waiting.replacement_id, waiting.revision) == (opened.session.id, before.image.revision + 1)
    assert (waiting.sha256, waiting.state) == (before.image.sha256, ImageState.READY)
    assert (reception.is_new, reception.session.state) == (True, SessionState.COMPLETED)
    image = after.image
    assert (image.id, image.short_id, image.filename) == (
        *(before.image.id, before.image.short_id),
        before.image.filename,
    )
    assert (image.format, image.width_px, image.height_px, image.byte_size) == (ImageFormat.PNG, 150, 210, len(content))
    assert image.sha256 == hashlib.sha256(content).hexdigest()
    assert (image.generation, image.replacement_id, image.dedupe_key, image.exif) == (2, None, None, None)
    assert image.thumbhash != before.image.thumbhash
    assert [v.id for v in after.variants] == [v.id for v in before.variants]
    for variant in after.variants:
        assert (variant.state, variant.generation) == (VariantState.READY, 2)
        assert f"{image_id}/2/" in (variant.object_key or "")
    assert (image.upload_key or "").startswith(f"{image_id}/2/upload-")
    assert await bench.objects(image_id) == await bench.named(image_id)


async def test_until_they_are_made_the_variants_of_a_replacement_are_not_ready(bench: Workbench) -> None:
    image_id = await bench.upload(make_jpeg(302, 200), SMALL)
    content = make_png(152, 210)
    opened = await _open(bench, image_id, content)
    receiving = asyncio.create_task(bench.send(opened, content, works=False))
    session = await bench.claim_staged(image_id)

    staged = await bench.look(image_id)
    await bench.container.swaps.put_off(session, pause_s=-1, counts=False)
    await bench.tools.judge.judge(image_id)
    await receiving
    planned = await bench.look(image_id)

    assert {v.state for v in staged.variants} == {VariantState.READY}
    assert staged.image.generation == 1
    for variant in planned.variants:
        assert (variant.state, variant.sha256, variant.object_key, variant.width_px) == (
            *(VariantState.PLANNED, None, None),
            None,
        )
    assert planned.image.state is ImageState.PROCESSING
    assert await bench.objects(image_id) == {planned.image.upload_key}


async def test_undecodable_bytes_leave_the_old_image_untouched(bench: Workbench) -> None:
    image_id = await bench.upload(make_jpeg(304, 200), SMALL)
    before = await bench.look(image_id)
    # Whole by its headers, broken in its pixels.
    content = bytearray(make_png(154, 210, noise=True))
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    opened = await _open(bench, image_id, bytes(content))

    with pytest.raises(InvalidImage):
        await bench.send(opened, bytes(content))

    after, session = await bench.look(image_id), await _session(bench, opened.session.id)
    assert session == (SessionState.FAILED, "INVALID_IMAGE", None)
    assert after.variants == before.variants
    assert after.image == before.image._replace(revision=before.image.revision + 2, updated_at=after.image.updated_at)
    assert await bench.objects(image_id) == await bench.named(image_id)


async def test_bytes_that_are_no_picture_leave_the_old_image_untouched(bench: Workbench) -> None:
    image_id = await bench.upload(make_jpeg(306, 200))
    opened = await _open(bench, image_id, b"no picture at all, and never was one")

    with pytest.raises(InvalidFileType):
        await bench.send(opened, b"no picture at all, and never was one")

    image = await bench.image(image_id)
    assert (image.generation, image.replacement_id) == (1, None)
    assert await bench.objects(image_id) == await bench.named(image_id)


async def test_a_worker_that_comes_too_late_with_old_bytes_changes_nothing(bench: Workbench) -> None:
    image_id = await bench.upload(make_jpeg(308, 200))
    await bench.container.services.variants.generate(bench.owner, image_id, [SMALL])
    late = await bench.container.claims.claim(image_id)
    assert late is not None
    content = make_png(156, 210)
    await bench.send(await _open(bench, image_id, content), content)
    swapped = await bench.look(image_id)

    is_rejected = await bench.container.claims.reject(late, InvalidImage("late"))
    await bench.container.claims.give_up_try(late, late.variants, InvalidImage("late"))

    after = await bench.look(image_id)
    assert not is_rejected
    assert after.variants == swapped.variants
    assert (after.image.thumbhash, after.image.state) == (swapped.image.thumbhash, swapped.image.state)


async def test_a_judge_that_was_lost_is_followed_by_another(bench: Workbench) -> None:
    image_id = await bench.upload(make_jpeg(310, 200))
    content = make_png(158, 210)
    opened = await _open(bench, image_id, content)
    receiving = asyncio.create_task(bench.send(opened, content, works=False))
    lost = await bench.claim_staged(image_id)
    assert await bench.container.swaps.claim(image_id) is None
    await _change_session(bench, opened.session.id, lease_until=utc_now() - timedelta(seconds=1))

    await bench.work(image_id)
    await receiving

    assert not await bench.container.swaps.refuse(lost, InvalidImage("late"))
    assert (await bench.image(image_id)).generation == 2


async def test_bytes_that_take_their_workers_with_them_are_refused(bench: Workbench) -> None:
    image_id = await bench.upload(make_jpeg(312, 200))
    content = make_png(160, 210)
    opened = await _open(bench, image_id, content)
    receiving = asyncio.create_task(bench.send(opened, content, works=False))
    await bench.claim_staged(image_id)
    past = utc_now() - timedelta(seconds=1)
    await _change_session(bench, opened.session.id, lease_until=past, staged_tries=50)

    await bench.work(image_id)

    with pytest.raises(Exception, match="again and again"):
        await receiving
    assert (await _session(bench, opened.session.id))[0] is SessionState.FAILED
    assert (await bench.image(image_id)).replacement_id is None


@pytest.mark.parametrize("ending", ["cancelled", "terminated", "expired"])
async def test_a_session_that_ends_without_bytes_lets_the_image_be_complete(bench: Workbench, ending: str) -> None:
    image_id = await bench.upload(make_jpeg(314, 200))
    opened = await _open(bench, image_id, b"x" * 10)
    open_revision = (await bench.image(image_id)).revision
    first = asyncio.Event()
    watching = asyncio.create_task(_watch(bench, image_id, first))
    await in_time(first.wait())

    if ending == "cancelled":
        await bench.container.services.uploads.cancel(bench.owner, opened.session.id)
    elif ending == "terminated":
        await bench.container.resuming.terminate(opened.session.id, opened.token)
    else:
        now = utc_now()
        await _change_session(bench, opened.session.id, expires_at=now - timedelta(seconds=1))
        await bench.container.retention.expire(now)

    events = await in_time(watching)
    assert (events[0], events[-1]) == ((open_revision, False), (open_revision + 1, True))


async def test_another_replacement_takes_the_place_of_one_that_waits(bench: Workbench) -> None:
    image_id = await bench.upload(make_jpeg(316, 200))
    first = await _open(bench, image_id, b"x" * 10)
    content = make_png(162, 210)

    second = await _open(bench, image_id, content)

    assert (await _session(bench, first.session.id))[0] is SessionState.CANCELLED
    with pytest.raises(UploadExpired):
        await bench.send(first, b"x" * 10)
    receiving = asyncio.create_task(bench.send(second, content, works=False))
    await eventually(lambda: _is_staged(bench, second.session.id), "the bytes are staged")
    with pytest.raises(Conflict):
        await _open(bench, image_id, content)
    with pytest.raises(UploadAlreadyUsed):
        await bench.send(second, content, works=False)
    await bench.work(image_id)
    await receiving
    assert (await bench.send(second, content)).is_new is False


async def test_only_the_owner_replaces_and_only_what_is_there(bench: Workbench) -> None:
    image_id = await bench.upload(make_jpeg(318, 200))
    draft = await bench.open(b"x" * 10)
    replacements = bench.container.services.replacements
    stranger = Principal(AccountId(make_uuid()), frozenset(Scope))

    for principal, wanted in (
        (bench.owner, ImageId(make_uuid())),
        (bench.owner, draft.snapshot.image.id),
    ):
        with pytest.raises(NotFound):
            await replacements.open(principal, wanted, file_bytes=10)
    with pytest.raises(Exception, match="disabled"):
        await replacements.open(stranger, image_id, file_bytes=10)
    with pytest.raises(InvalidRequest):
        await replacements.open(bench.owner, image_id, file_bytes=0)
    with pytest.raises(FileTooLarge):
        await replacements.open(bench.owner, image_id, file_bytes=200_001)


async def test_a_replaced_image_is_nobodys_duplicate(bench: Workbench) -> None:
    old, new = make_jpeg(320, 200), make_png(164, 210)
    image_id = await bench.upload(old)
    await bench.send(await _open(bench, image_id, new), new)

    again_old, again_new = await bench.upload(old), await bench.upload(new)

    assert len({image_id, again_old, again_new}) == 3


async def test_an_image_that_is_deleted_for_good_meanwhile_ends_its_replacement(bench: Workbench) -> None:
    image_id = await bench.upload(make_jpeg(322, 200))
    content = make_png(166, 210)
    opened = await _open(bench, image_id, content)

    async def chunks() -> AsyncIterator[bytes]:
        await bench.container.services.trash.delete(bench.owner, [image_id], permanent=True)
        yield content

    with pytest.raises(NotFound):
        await bench.container.reception.receive(Sending(opened.session.id, opened.token, chunks()))

    assert await bench.objects(image_id) == set()


async def _open(bench: Workbench, image_id: ImageId, content: bytes) -> OpenedSession:
    return await bench.container.services.replacements.open(bench.owner, image_id, file_bytes=len(content))


async def _session(bench: Workbench, session_id: SessionId) -> tuple[SessionState, str | None, str | None]:
    session, _ = await bench.container.services.uploads.get_own(session_id)
    return session.state, session.error_code, session.staged_key


async def _is_staged(bench: Workbench, session_id: SessionId) -> bool:
    return (await _session(bench, session_id))[2] is not None


async def _change_session(bench: Workbench, session_id: SessionId, **values: object) -> None:
    async with bench.container.database.write() as db:
        await db.execute(update(upload_sessions).where(upload_sessions.c.id == session_id).values(**values))


async def _watch(bench: Workbench, image_id: ImageId, first: asyncio.Event) -> list[tuple[int, bool]]:
    events = []
    async for event in bench.container.services.watching.watch_variants(bench.owner, image_id):
        image = event.snapshot.image
        events.append((image.revision, image.replacement_id is None))
        first.set()
    return events
