"""Bytes that are known before they are sent, and what the served original keeps of those that are."""

import asyncio
import hashlib

import pytest

from app.db.accounts import update_account
from app.domain.states import SessionState
from app.domain.variants import ORIGINAL, Derivative, Family, VariantState
from app.errors import (
    ChecksumMismatch,
    InvalidImage,
)
from app.ids import ImageId
from app.storage.port import ObjectKey
from tests.support.pictures import ALL_TAGS, CANARY, make_jpeg
from tests.support.upload_harness import Workbench
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

THUMB = Derivative(Family.PNG, "thumb")
SMALL = Derivative(Family.PNG, "small")


async def test_known_bytes_answer_at_once_with_nothing_to_send(bench: Workbench) -> None:
    content = make_jpeg(322, 200)
    sha256 = hashlib.sha256(content).hexdigest()
    first = await bench.upload(content)
    usage = await bench.container.accounts.view(bench.owner)

    opened = await bench.open(content, SMALL, sha256=sha256)
    planned = await bench.look(first)
    await bench.work(first)

    assert (opened.session.state, opened.session.is_duplicate) == (SessionState.COMPLETED, True)
    assert opened.snapshot.image.id == first
    assert (await bench.look(opened.session.image_id)).image.id == first
    assert [variant.derivative for variant in planned.variants] == [ORIGINAL, SMALL]
    assert (await bench.variant(first, "small")).state is VariantState.READY
    assert (await bench.container.accounts.view(bench.owner)).usage == usage.usage
    again = await bench.send(opened, content)
    assert (again.is_new, again.snapshot.image.id) == (False, first)


async def test_unknown_bytes_are_sent_and_must_be_the_announced_ones(bench: Workbench) -> None:
    content, other = make_jpeg(324, 200), make_jpeg(326, 200)
    announced = hashlib.sha256(content).hexdigest()

    good, bad = [await bench.open(content, sha256=announced) for _ in range(2)]
    with pytest.raises(ChecksumMismatch):
        await bench.send(bad, other[: len(content)])
    reception = await bench.send(good, content)

    assert (good.session.state, good.session.is_duplicate) == (SessionState.OPEN, False)
    assert reception.is_new


async def test_an_image_whose_later_variant_cannot_be_made_is_still_known_by_its_bytes(bench: Workbench) -> None:
    content = make_jpeg(327, 200)
    image_id = await bench.upload(content)
    before = await bench.image(image_id)
    await bench.container.services.variants.generate(bench.owner, image_id, [SMALL])
    claim = await bench.container.claims.claim(image_id)
    assert claim is not None

    is_unanswered = await bench.container.claims.reject(claim, InvalidImage("It cannot be decoded."))

    assert not is_unanswered
    assert (await bench.variant(image_id, "small")).state is VariantState.FAILED
    assert (await bench.image(image_id)).dedupe_key == before.dedupe_key is not None
    opened = await bench.open(content)
    assert (await bench.send(opened, content)).snapshot.image.id == image_id


async def test_bytes_whose_verdict_is_awaited_are_not_known_yet(bench: Workbench) -> None:
    content = make_jpeg(328, 200)
    sha256 = hashlib.sha256(content).hexdigest()
    first = await bench.open(content)
    receiving = asyncio.create_task(bench.send(first, content, works=False))
    await eventually(lambda: _has_bytes(bench, first.snapshot.image.id), "the bytes are stored")

    early = await bench.open(content, sha256=sha256)
    await bench.work(first.snapshot.image.id)
    await receiving

    assert not early.session.is_duplicate
    assert (await bench.send(early, content)).session.is_duplicate


@pytest.mark.parametrize(("kept", "is_kept"), [("keep", True), ("none", False)])
async def test_the_served_original_keeps_what_the_owner_prefers(bench: Workbench, kept: str, is_kept: bool) -> None:
    assert bench.owner.account_id is not None
    async with bench.container.database.write() as db:
        await update_account(db, bench.owner.account_id, {"preferences": {"metadata_default": kept}})

    image_id = await bench.upload(make_jpeg(330, 200, tags=ALL_TAGS))

    variant = await bench.variant(image_id, "original", Family.ORIGINAL)
    served = await bench.container.store.read(ObjectKey.parse(variant.object_key or ""), max_bytes=10**6)
    assert (CANARY.encode() in served) is is_kept


async def _has_bytes(bench: Workbench, image_id: ImageId) -> bool:
    return (await bench.image(image_id)).upload_key is not None
