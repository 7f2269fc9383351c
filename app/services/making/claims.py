"""The worker's side of variants: claim them, and write down how each claim ended."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from app.db.accounts import find_account
from app.db.engine import Database, Transaction, utc_now
from app.db.images import bump_revision, find_image, settle_state, update_image
from app.db.presets import read_presets
from app.db.records import ImageRecord, VariantRecord
from app.db.uploads import complete_receiving, fail_receiving
from app.db.variants import claim_variants, delete_claimed, finish_claim, renew_leases, reset_variants
from app.domain.library_events import LibraryEventKind
from app.domain.states import ImageState
from app.domain.variants import ORIGINAL, FocalPoint, MetadataPolicy, Preset
from app.errors import SafelightError
from app.events.bus import EventBus
from app.ids import ImageId
from app.jobs import RenderQueue
from app.services.accounts.accounts import preferences_of
from app.services.making.outcomes import (
    MAX_FAILURES,
    MAX_LOSSES,
    StoredVariant,
    final_values,
    next_values,
    pause_s,
    ready_values,
    worn_out_values,
)

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=6)
"""Renewed every 2 s by a worker that lives; the sweep notices a dead one within 11 s, unless settings say otherwise."""


class Part(Enum):
    """How much of what waits of an image is claimed."""

    ALL = auto()
    WANTED = auto()
    """What a request may be waiting for, and nothing else."""
    WANTED_FIRST = auto()
    """That alone where there is any, so that it is not made together with all the rest; else everything."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An image with those of its variants that this worker, and no other, makes now, and the rules as they are now."""

    image: ImageRecord
    variants: tuple[VariantRecord, ...]
    presets: Mapping[str, Preset]
    original_metadata: MetadataPolicy
    """What the served original keeps."""

    @property
    def focal(self) -> FocalPoint | None:
        """What cuts shall keep; None for the middle."""
        if self.image.focal_x is None or self.image.focal_y is None:
            return None
        return FocalPoint(self.image.focal_x, self.image.focal_y)

    @property
    def has_verdict(self) -> bool:
        """Is it known that the bytes are a picture, and has everybody been told?"""
        return self.image.thumbhash is not None and not self.image.is_draft

    @property
    def is_wanted(self) -> bool:
        """Does a request wait for any of it?"""
        return any(variant.wanted_at is not None for variant in self.variants)

    @property
    def original(self) -> VariantRecord | None:
        """The served original, if it is among them."""
        return next((variant for variant in self.variants if variant.derivative == ORIGINAL), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What decoding told of an image."""

    width_px: int
    height_px: int
    thumbhash: str
    dominant_color: str
    placeholder_png: str
    """Base64."""


class ClaimService:
    """Every outcome is one transaction; hints and jobs follow it. A claim that was lost meanwhile changes nothing."""

    def __init__(self, database: Database, bus: EventBus, queue: RenderQueue, *, lease: timedelta = LEASE) -> None:
        self._database = database
        self._bus = bus
        self._queue = queue
        self.lease = lease

    async def claim(self, image_id: ImageId, part: Part = Part.ALL) -> Claim | None:
        """Take the waiting variants of an image; None where there is nothing to do."""
        now = utc_now()
        async with self._database.write() as db:
            # Held, as by all who touch several of its variants: in two orders they would wait for each other for ever.
            image = await find_image(db, image_id, for_update=True)
            if image is None or image.uploaded_at is None or image.deleted_at is not None:
                return None
            variants: list[VariantRecord] = []
            if part is not Part.ALL:
                variants = await claim_variants(db, image_id, now=now, lease_until=now + self.lease, wanted_only=True)
            if not variants and part is not Part.WANTED:
                variants = await claim_variants(db, image_id, now=now, lease_until=now + self.lease)
            return await _make_claim(db, image_id, variants) if variants else None

    async def renew(self, variants: Sequence[VariantRecord]) -> None:
        """Keep claims of one image that are still being worked on."""
        if not variants:
            return
        async with self._database.write() as db:
            await find_image(db, variants[0].image_id, for_update=True, columns=frozenset())
            await renew_leases(db, variants, lease_until=utc_now() + self.lease)

    async def accept(self, claim: Claim, verdict: Verdict, original: StoredVariant | None) -> bool:
        """The bytes are a picture: answer its upload, and serve the original. False where the claim was lost."""
        if claim.has_verdict and (original is None or claim.original is None):
            return True
        now = utc_now()
        async with self._database.write() as db:
            revision = await _count_change(db, claim, now=now)
            if revision is None:
                return False
            is_ours = original is None or claim.original is None
            if original is not None and claim.original is not None:
                is_ours = await finish_claim(db, claim.original, ready_values(original, revision, now))
            await update_image(
                db,
                claim.image.id,
                {
                    "width_px": verdict.width_px,
                    "height_px": verdict.height_px,
                    "thumbhash": verdict.thumbhash,
                    "dominant_color": verdict.dominant_color,
                    "placeholder_png": verdict.placeholder_png,
                },
            )
            is_new = await complete_receiving(db, claim.image.id, now=now)
            await settle_state(db, claim.image.id, leaves_draft=True)
        kind = LibraryEventKind.IMAGE_CREATED if is_new else LibraryEventKind.VARIANTS_CHANGED
        await self._bus.publish([claim.image.id], kind=kind)
        log.info("image_decoded", extra={"image_id": str(claim.image.id)})
        return is_ours

    async def finish(self, claim: Claim, variant: VariantRecord, stored: StoredVariant) -> bool:
        """The variant is READY. False where the claim was lost: its file is nobody's then."""
        is_free = variant.options is not None
        async with self._database.write() as db:
            finish = _finish_free if is_free else _finish
            if not await finish(db, variant, stored):
                return False
        await self._bus.publish([claim.image.id], kind=None if is_free else LibraryEventKind.VARIANTS_CHANGED)
        facts = {"image_id": str(claim.image.id), "family": variant.family, "size": variant.size}
        log.info("variant_ready", extra=facts)
        return True

    async def reject(self, claim: Claim, error: SafelightError) -> bool:
        """The bytes are no picture, for good. True where the upload had not been answered: the image is a draft again.

        An upload that was answered keeps its bytes, and what was claimed is FAILED. An image that was decoded before
        stays the one that the same bytes are known by: they are a picture, whatever went wrong this time.
        """
        now = utc_now()
        async with self._database.write() as db:
            revision = await _count_change(db, claim, now=now)
            if revision is None:
                return False
            is_unanswered = await fail_receiving(db, claim.image.id, error=error, now=now)
            if is_unanswered:
                await _make_draft_again(db, claim.image, revision)
            else:
                await _fail_all(db, claim, error, revision)
        await self._bus.publish([claim.image.id], kind=LibraryEventKind.VARIANTS_CHANGED)
        log.info("image_rejected", extra={"image_id": str(claim.image.id), "code": error.code.value})
        return is_unanswered

    async def give_up_try(self, claim: Claim, variants: Sequence[VariantRecord], error: SafelightError) -> None:
        """A try ended in an error: another follows after a pause, or after the third the variants are FAILED."""
        now = utc_now()
        async with self._database.write() as db:
            revision = await bump_revision(db, claim.image.id, now=now) or 0
            for variant in variants:
                failures = variant.failures + 1
                pause = timedelta(seconds=pause_s(failures))
                is_over = failures >= MAX_FAILURES
                values = final_values(variant, error, revision, now) if is_over else next_values(variant, now + pause)
                await finish_claim(db, variant, {**values, "failures": failures})
            await settle_state(db, claim.image.id)
        await self._bus.publish([claim.image.id], kind=LibraryEventKind.VARIANTS_CHANGED)
        await self._ask_again(claim, variants, pause_s=pause_s(max(v.failures for v in variants) + 1))

    async def hand_back(self, claim: Claim, variants: Sequence[VariantRecord], *, is_loss: bool) -> None:
        """A part of the house was away: another try follows after a pause, and none is counted against the picture.

        `is_loss` says that the child was killed from outside, which is counted: it might be the picture's doing.
        """
        now = utc_now()
        is_over = False
        async with self._database.write() as db:
            revision = await bump_revision(db, claim.image.id, now=now) or 0
            for variant in variants:
                losses = variant.losses + 1 if is_loss else 0
                values = next_values(variant, now + timedelta(seconds=pause_s(losses)))
                is_over = is_over or losses >= MAX_LOSSES
                outcome = worn_out_values(variant, revision, now) if losses >= MAX_LOSSES else values
                await finish_claim(db, variant, {**outcome, "losses": losses})
            if is_over:
                await settle_state(db, claim.image.id)
        if is_over:
            await self._bus.publish([claim.image.id], kind=LibraryEventKind.VARIANTS_CHANGED)
        await self._ask_again(claim, variants, pause_s=pause_s(max(v.losses for v in variants) + is_loss))

    async def _ask_again(self, claim: Claim, variants: Sequence[VariantRecord], *, pause_s: float) -> None:
        attempt = max(variant.attempt for variant in variants)
        await self._queue.enqueue(claim.image.id, attempt=attempt, delay_s=pause_s + 0.05, is_wanted=claim.is_wanted)


async def _finish(db: Transaction, variant: VariantRecord, stored: StoredVariant) -> bool:
    now = utc_now()
    revision = await bump_revision(db, variant.image_id, now=now)
    # Whether it was planned or asked for: it is one of the image's from now on.
    values = {**ready_values(stored, revision or 0, now), "is_on_demand": False}
    if revision is None or not await finish_claim(db, variant, values):
        return False
    await settle_state(db, variant.image_id)
    return True


async def _finish_free(db: Transaction, variant: VariantRecord, stored: StoredVariant) -> bool:
    """Nothing of the image changes, as anybody may have asked for it; unless lost tries may have left something."""
    now = utc_now()
    if variant.tries > 1:
        await bump_revision(db, variant.image_id, now=now)
    return await finish_claim(db, variant, ready_values(stored, variant.revision, now))


async def _make_claim(db: Transaction, image_id: ImageId, variants: Sequence[VariantRecord]) -> Claim | None:
    # Read after the claim: whoever changes a rule from now on finds the claim there, and ends it.
    image = await find_image(db, image_id)
    assert image is not None, "its variants name it"
    presets = await read_presets(db, image.owner_id)
    owner = await find_account(db, image.owner_id)
    assert owner is not None, "a foreign key holds it"
    ruleless = [variant for variant in variants if variant.options is None and variant.size not in presets]
    if ruleless:
        # Planned while its preset was being deleted: it shares the others' fate.
        await delete_claimed(db, ruleless)
        await settle_state(db, image_id)
    kept = tuple(variant for variant in variants if variant not in ruleless)
    return Claim(image, kept, presets, preferences_of(owner).metadata_default) if kept else None


async def _count_change(db: Transaction, claim: Claim, *, now: datetime) -> int | None:
    """The image's next revision; None where it is gone, or has other bytes by now than those that were claimed."""
    revision = await bump_revision(db, claim.image.id, now=now)
    image = await find_image(db, claim.image.id)
    if image is None or image.generation != claim.image.generation:
        return None
    return revision


async def _make_draft_again(db: Transaction, image: ImageRecord, revision: int) -> None:
    facts = ("format", "byte_size", "width_px", "height_px", "frames", "has_alpha", "sha256", "upload_key")
    await update_image(
        db,
        image.id,
        {
            **dict.fromkeys((*facts, "dedupe_key", "exif", "taken_at", "uploaded_at")),
            "state": ImageState.AWAITING_UPLOAD,
        },
    )
    await reset_variants(db, image.id, revision=revision)


async def _fail_all(db: Transaction, claim: Claim, error: SafelightError, revision: int) -> None:
    now = utc_now()
    for variant in claim.variants:
        values = final_values(variant, error, revision, now)
        await finish_claim(db, variant, {**values, "failures": variant.failures + 1})
    image = await find_image(db, claim.image.id)
    if image is None or image.thumbhash is None:
        # The same bytes sent again shall get a verdict of their own, not this image.
        await update_image(db, claim.image.id, {"dedupe_key": None})
    await settle_state(db, claim.image.id)
