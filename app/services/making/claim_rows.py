"""The statements of one transaction about a claim: what was taken, and what its outcome leaves."""

from collections.abc import Sequence
from datetime import datetime

from app.db.accounts import find_account
from app.db.engine import Transaction, utc_now
from app.db.images import bump_revision, find_image, settle_state, update_image
from app.db.presets import read_presets
from app.db.records import ImageRecord, VariantRecord
from app.db.variants import delete_claimed, finish_claim, reset_variants
from app.domain.states import ImageState
from app.errors import SafelightError
from app.ids import ImageId
from app.services.accounts.accounts import preferences_of
from app.services.making.claim import Claim
from app.services.making.outcomes import StoredVariant, final_values, ready_values, report_end


async def finish_preset(db: Transaction, variant: VariantRecord, stored: StoredVariant) -> bool:
    """A preset's variant is READY; False where the claim was lost."""
    now = utc_now()
    revision = await bump_revision(db, variant.image_id, now=now)
    # Whether it was planned or asked for: it is one of the image's from now on.
    values = {**ready_values(stored, revision or 0, now), "is_on_demand": False}
    if revision is None or not await finish_claim(db, variant, values):
        return False
    await settle_state(db, variant.image_id)
    return True


async def finish_free(db: Transaction, variant: VariantRecord, stored: StoredVariant) -> bool:
    """Nothing of the image changes, as anybody may have asked for it; unless lost tries may have left something."""
    now = utc_now()
    if variant.tries > 1:
        await bump_revision(db, variant.image_id, now=now)
    return await finish_claim(db, variant, ready_values(stored, variant.revision, now))


async def make_claim(db: Transaction, image_id: ImageId, variants: Sequence[VariantRecord]) -> Claim | None:
    """The claim of these variants with the rules of now; None where no rule is left for any."""
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


async def count_change(db: Transaction, claim: Claim, *, now: datetime) -> int | None:
    """The image's next revision; None where it is gone, or has other bytes by now than those that were claimed."""
    revision = await bump_revision(db, claim.image.id, now=now)
    image = await find_image(db, claim.image.id)
    if image is None or image.generation != claim.image.generation:
        return None
    return revision


async def make_draft_again(db: Transaction, image: ImageRecord, revision: int) -> None:
    """Forget the bytes that proved to be no picture."""
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


async def fail_all(db: Transaction, claim: Claim, error: SafelightError, revision: int) -> None:
    """All that was claimed is FAILED, for a reason in the bytes."""
    now = utc_now()
    for variant in claim.variants:
        values = final_values(variant, error, revision, now)
        if await finish_claim(db, variant, {**values, "failures": variant.failures + 1}):
            report_end(variant, error)
    image = await find_image(db, claim.image.id)
    if image is None or image.thumbhash is None:
        # The same bytes sent again shall get a verdict of their own, not this image.
        await update_image(db, claim.image.id, {"dedupe_key": None})
    await settle_state(db, claim.image.id)
