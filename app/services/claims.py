"""The worker's side of variants: claim them, and write down how each claim ended."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.db.engine import Database, Transaction, utc_now
from app.db.images import bump_revision, find_image, settle_state, update_image
from app.db.records import ImageRecord, VariantRecord
from app.db.uploads import complete_receiving, fail_receiving
from app.db.variants import claim_variants, finish_claim, renew_leases, reset_variants
from app.domain.states import ImageState
from app.domain.variants import ORIGINAL, VariantState
from app.errors import ErrorCode, RenderFailed, SafelightError
from app.events import EventBus
from app.ids import ImageId
from app.jobs import RenderQueue
from app.storage.port import ObjectKey

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=6)
"""Renewed every 2 s by a worker that lives; one that died is noticed by the sweep within 11 s."""
MAX_FAILURES = 3
MAX_LOSSES = 8
"""So many times a variant may be lost with its worker or its child before it is FAILED."""
_MAX_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class Claim:
    """An image with those of its variants that this worker, and no other, makes now."""

    image: ImageRecord
    variants: tuple[VariantRecord, ...]

    @property
    def original(self) -> VariantRecord | None:
        """The served original, if it is among them."""
        return next((variant for variant in self.variants if variant.derivative == ORIGINAL), None)


@dataclass(frozen=True, slots=True)
class StoredVariant:
    """A variant's file, safely in the store."""

    key: ObjectKey
    width_px: int
    height_px: int
    byte_size: int
    sha256: str
    content_type: str
    is_animated: bool


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

    def __init__(self, database: Database, bus: EventBus, queue: RenderQueue) -> None:
        self._database = database
        self._bus = bus
        self._queue = queue

    async def claim(self, image_id: ImageId) -> Claim | None:
        """Take every waiting variant of an image; None where there is nothing to do."""
        now = utc_now()
        async with self._database.write() as db:
            image = await find_image(db, image_id)
            if image is None or image.uploaded_at is None or image.deleted_at is not None:
                return None
            variants = await claim_variants(db, image_id, now=now, lease_until=now + LEASE)
        return Claim(image, tuple(variants)) if variants else None

    async def renew(self, variants: Sequence[VariantRecord]) -> None:
        """Keep claims that are still being worked on."""
        async with self._database.write() as db:
            await renew_leases(db, variants, lease_until=utc_now() + LEASE)

    async def accept(self, claim: Claim, verdict: Verdict, original: StoredVariant | None) -> bool:
        """The bytes are a picture: answer its upload, and serve the original. False where the claim was lost."""
        now = utc_now()
        async with self._database.write() as db:
            revision = await bump_revision(db, claim.image.id, now=now)
            if revision is None:
                return False
            is_ours = original is None or claim.original is None
            if original is not None and claim.original is not None:
                is_ours = await finish_claim(db, claim.original, _ready_values(original, revision, now))
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
            await complete_receiving(db, claim.image.id, now=now)
            await settle_state(db, claim.image.id, leaves_draft=True)
        await self._bus.publish([claim.image.id])
        log.info("image_decoded", extra={"image_id": str(claim.image.id)})
        return is_ours

    async def finish(self, claim: Claim, variant: VariantRecord, stored: StoredVariant) -> bool:
        """The variant is READY. False where the claim was lost: its file is nobody's then."""
        now = utc_now()
        async with self._database.write() as db:
            revision = await bump_revision(db, claim.image.id, now=now)
            if revision is None or not await finish_claim(db, variant, _ready_values(stored, revision, now)):
                return False
            await settle_state(db, claim.image.id)
        await self._bus.publish([claim.image.id])
        facts = {"image_id": str(claim.image.id), "family": variant.family, "size": variant.size}
        log.info("variant_ready", extra=facts)
        return True

    async def reject(self, claim: Claim, error: SafelightError) -> bool:
        """The bytes are no picture, for good. True where the upload had not been answered: the image is a draft again.

        An upload that was answered keeps its bytes, and its image is FAILED.
        """
        now = utc_now()
        async with self._database.write() as db:
            revision = await bump_revision(db, claim.image.id, now=now) or 0
            is_unanswered = await fail_receiving(db, claim.image.id, error=error, now=now)
            if is_unanswered:
                await _make_draft_again(db, claim.image, revision)
            else:
                await _fail_all(db, claim, error, revision)
        await self._bus.publish([claim.image.id])
        log.info("image_rejected", extra={"image_id": str(claim.image.id), "code": error.code.value})
        return is_unanswered

    async def give_up_try(self, claim: Claim, variants: Sequence[VariantRecord], error: SafelightError) -> None:
        """A try ended in an error: another follows after a pause, or after the third the variants are FAILED."""
        now = utc_now()
        async with self._database.write() as db:
            revision = await bump_revision(db, claim.image.id, now=now) or 0
            for variant in variants:
                failures = variant.failures + 1
                values = (
                    _failed_values(error, revision, now)
                    if failures >= MAX_FAILURES
                    else {"state": VariantState.PLANNED, "not_before": now + timedelta(seconds=_pause_s(failures))}
                )
                await finish_claim(db, variant, {**values, "failures": failures})
            await settle_state(db, claim.image.id)
        await self._bus.publish([claim.image.id])
        await self._ask_again(claim, variants, pause_s=_pause_s(max(v.failures for v in variants) + 1))

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
                pause = timedelta(seconds=_pause_s(losses))
                values = {"state": VariantState.PLANNED, "not_before": now + pause}
                is_over = is_over or losses >= MAX_LOSSES
                outcome = worn_out_values(revision, now) if losses >= MAX_LOSSES else values
                await finish_claim(db, variant, {**outcome, "losses": losses})
            if is_over:
                await settle_state(db, claim.image.id)
        if is_over:
            await self._bus.publish([claim.image.id])
        await self._ask_again(claim, variants, pause_s=_pause_s(max(v.losses for v in variants) + is_loss))

    async def _ask_again(self, claim: Claim, variants: Sequence[VariantRecord], *, pause_s: float) -> None:
        attempt = max(variant.attempt for variant in variants)
        await self._queue.enqueue(claim.image.id, attempt=attempt, delay_s=pause_s + 0.05)


def _pause_s(tries: int) -> float:
    return float(min(_MAX_PAUSE_S, 0.5 * 2**tries))


def _ready_values(stored: StoredVariant, revision: int, now: object) -> dict[str, object]:
    return {
        "state": VariantState.READY,
        "revision": revision,
        "object_key": stored.key.text,
        "width_px": stored.width_px,
        "height_px": stored.height_px,
        "byte_size": stored.byte_size,
        "sha256": stored.sha256,
        "content_type": stored.content_type,
        "is_animated": stored.is_animated,
        "error_code": None,
        "error_message": None,
        "losses": 0,
        "updated_at": now,
    }


def _failed_values(error: SafelightError, revision: int, now: object) -> dict[str, object]:
    # What broke inside the house is no news to a client; that the rendering failed is.
    code = ErrorCode.RENDER_FAILED if error.is_fault else error.code
    return {
        "state": VariantState.FAILED,
        "revision": revision,
        "error_code": code.value,
        "error_message": error.message,
        "updated_at": now,
    }


def worn_out_values(revision: int, now: datetime) -> dict[str, object]:
    """The columns of a variant that took its worker or its child with it too often."""
    return _failed_values(RenderFailed("Rendering broke off again and again."), revision, now)


async def _make_draft_again(db: Transaction, image: ImageRecord, revision: int) -> None:
    facts = ("format", "byte_size", "width_px", "height_px", "frames", "has_alpha", "sha256", "upload_key")
    await update_image(
        db,
        image.id,
        {
            **dict.fromkeys((*facts, "dedupe_key", "exif", "uploaded_at")),
            "state": ImageState.AWAITING_UPLOAD,
        },
    )
    await reset_variants(db, image.id, revision=revision)


async def _fail_all(db: Transaction, claim: Claim, error: SafelightError, revision: int) -> None:
    now = utc_now()
    for variant in claim.variants:
        await finish_claim(db, variant, {**_failed_values(error, revision, now), "failures": variant.failures + 1})
    # The same bytes sent again shall get a verdict of their own, not this image.
    await update_image(db, claim.image.id, {"dedupe_key": None})
    await settle_state(db, claim.image.id)
