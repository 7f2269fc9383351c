"""The worker's side of variants: claim them, and write down how each claim ended."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from app.db.engine import Database, utc_now
from app.db.images import bump_revision, find_image, settle_state, update_image
from app.db.records import VariantRecord
from app.db.uploads import complete_receiving, fail_receiving
from app.db.variants import (
    claim_variants,
    finish_claim,
    renew_leases,
)
from app.domain.library_events import LibraryEventKind
from app.errors import Lack, SafelightError
from app.events.bus import EventBus
from app.ids import ImageId
from app.jobs import RenderQueue
from app.services.making.claim import LEASE, Claim, Part, Verdict
from app.services.making.claim_rows import (
    count_change,
    fail_all,
    finish_free,
    finish_preset,
    make_claim,
    make_draft_again,
)
from app.services.making.outcomes import (
    Ending,
    StoredVariant,
    failed_try_values,
    host_fault_values,
    next_values,
    pause_s,
    ready_values,
    report_end,
)

log = logging.getLogger(__name__)


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
            return await make_claim(db, image_id, variants) if variants else None

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
            revision = await count_change(db, claim, now=now)
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
            finish_one = finish_free if is_free else finish_preset
            if not await finish_one(db, variant, stored):
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
            revision = await count_change(db, claim, now=now)
            if revision is None:
                return False
            is_unanswered = await fail_receiving(db, claim.image.id, error=error, now=now)
            if is_unanswered:
                await make_draft_again(db, claim.image, revision)
            else:
                await fail_all(db, claim, error, revision)
        await self._bus.publish([claim.image.id], kind=LibraryEventKind.VARIANTS_CHANGED)
        log.info("image_rejected", extra={"image_id": str(claim.image.id), "code": error.code.value})
        return is_unanswered

    async def give_up_try(self, claim: Claim, variants: Sequence[VariantRecord], error: SafelightError) -> None:
        """A try ended in an error: another follows after a pause, or after the third the variants are FAILED."""
        await self._end_try(
            claim, variants, lambda variant, revision, now: failed_try_values(variant, error, revision, now)
        )

    async def put_off(
        self, claim: Claim, variants: Sequence[VariantRecord], *, lack: Lack | None = None, memory_bytes: int = 0
    ) -> None:
        """The machine ended a try: another follows after a pause, and none is counted against the image.

        Args:
            lack: What the machine had too little of; the image runs alone from now on, and is FAILED after three
                more such ends.
            memory_bytes: How much memory the machine has.
        """

        def end(variant: VariantRecord, revision: int, now: datetime) -> Ending:
            return host_fault_values(variant, lack, revision, now, memory_bytes=memory_bytes)

        await self._end_try(claim, variants, end)

    async def hand_back(self, claim: Claim, variants: Sequence[VariantRecord]) -> None:
        """The worker stops in good order: another one tries soon, and this try was none."""

        def end(variant: VariantRecord, _revision: int, now: datetime) -> Ending:
            return Ending({**next_values(variant, now + timedelta(seconds=pause_s(0))), "losses": 0})

        await self._end_try(claim, variants, end)

    async def _end_try(
        self,
        claim: Claim,
        variants: Sequence[VariantRecord],
        end: Callable[[VariantRecord, int, datetime], Ending],
    ) -> None:
        now = utc_now()
        ended: list[tuple[VariantRecord, Ending]] = []
        async with self._database.write() as db:
            revision = await bump_revision(db, claim.image.id, now=now) or 0
            for variant in variants:
                ending = end(variant, revision, now)
                if await finish_claim(db, variant, ending.values):
                    ended.append((variant, ending))
            await settle_state(db, claim.image.id)
        for variant, ending in ended:
            report_end(variant, ending.error)
        await self._bus.publish([claim.image.id], kind=LibraryEventKind.VARIANTS_CHANGED)
        moments = [ending.values.get("not_before") for _, ending in ended]
        due = max((moment for moment in moments if isinstance(moment, datetime)), default=None)
        if due is not None:
            await self._ask_again(claim, variants, pause_s=(due - now).total_seconds())

    async def _ask_again(self, claim: Claim, variants: Sequence[VariantRecord], *, pause_s: float) -> None:
        attempt = max(variant.attempt for variant in variants)
        await self._queue.enqueue(claim.image.id, attempt=attempt, delay_s=pause_s + 0.05, is_wanted=claim.is_wanted)
