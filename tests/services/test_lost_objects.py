"""Objects that the store lost come back when their bytes are sent again: the same image at the same addresses."""

import hashlib

import pytest

from app.domain.states import ImageState, SessionState
from app.domain.variants import Derivative, Family, VariantState
from app.ids import ImageId
from app.services.upkeep.audit import AuditService
from app.storage.port import ObjectKey
from tests.support.pictures import make_jpeg
from tests.support.upload_harness import Workbench

pytestmark = pytest.mark.asyncio(loop_scope="session")

SMALL = Derivative(Family.PNG, "small")


async def test_a_lost_upload_and_its_variants_come_back_with_the_same_bytes(bench: Workbench) -> None:
    content = make_jpeg(402, 200)
    image_id = await bench.upload(content, SMALL)
    before = await bench.image(image_id)
    await _lose(bench, image_id)

    reception = await bench.send(await bench.open(content, SMALL), content)
    await bench.work(image_id)

    assert (reception.session.is_duplicate, reception.snapshot.image.id) == (True, image_id)
    await _assert_whole(bench, image_id, content)
    assert (await bench.image(image_id)).upload_key == before.upload_key


async def test_bytes_sent_to_their_completed_session_again_come_back(bench: Workbench) -> None:
    content = make_jpeg(404, 200)
    opened = await bench.open(content, SMALL)
    image_id = (await bench.send(opened, content)).snapshot.image.id
    await bench.work(image_id)
    await _lose(bench, image_id)

    await bench.send(opened, content)
    await bench.work(image_id)

    await _assert_whole(bench, image_id, content)


async def test_a_lost_variant_alone_is_rendered_again(bench: Workbench) -> None:
    content = make_jpeg(406, 200)
    image_id = await bench.upload(content, SMALL)
    variant = await bench.variant(image_id, "small")
    await bench.container.store.delete([ObjectKey.parse(variant.object_key or "")])

    await bench.send(await bench.open(content, SMALL), content)
    await bench.work(image_id)

    await _assert_whole(bench, image_id, content)


async def test_a_lost_upload_is_not_known_by_its_hash(bench: Workbench) -> None:
    content = make_jpeg(408, 200)
    image_id = await bench.upload(content, SMALL)
    await _lose(bench, image_id)

    opened = await bench.open(content, SMALL, sha256=hashlib.sha256(content).hexdigest())
    reception = await bench.send(opened, content)
    await bench.work(image_id)

    assert opened.session.state is SessionState.OPEN
    assert reception.snapshot.image.id == image_id
    await _assert_whole(bench, image_id, content)


async def test_a_repair_leaves_a_lost_image_to_be_sent_again(bench: Workbench) -> None:
    content = make_jpeg(410, 200)
    image_id = await bench.upload(content, SMALL)
    await _lose(bench, image_id)
    container = bench.container
    audit = AuditService(container.database, container.store, scratch_dir=container.scratch_dir)

    await audit.run(repair=True)
    await bench.work(image_id)
    reception = await bench.send(await bench.open(content, SMALL), content)
    await bench.work(image_id)

    assert reception.snapshot.image.id == image_id
    await _assert_whole(bench, image_id, content)


async def _lose(bench: Workbench, image_id: ImageId) -> None:
    await bench.container.store.delete([ObjectKey.parse(key) for key in await bench.objects(image_id)])


async def _assert_whole(bench: Workbench, image_id: ImageId, content: bytes) -> None:
    snapshot = await bench.look(image_id)
    assert snapshot.image.state is ImageState.READY
    assert {variant.state for variant in snapshot.variants} == {VariantState.READY}
    stored = await bench.container.store.read(ObjectKey.parse(snapshot.image.upload_key or ""), max_bytes=10**6)
    assert stored == content
    assert (await bench.picture(image_id, "small")).width > 0
