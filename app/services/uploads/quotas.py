"""Whether an account has room for one more file, with what its open sessions may still bring."""

from app.db.engine import Transaction, utc_now
from app.db.images import usage_of
from app.db.records import AccountRecord
from app.db.uploads import count_unsized, reserved_by
from app.domain.plans import Plan
from app.errors import QuotaExceeded, RateLimited
from app.ids import AccountId

MAX_UNSIZED = 100
_UNSIZED_RETRY_S = 60


async def check_quota(
    db: Transaction,
    account: AccountRecord,
    plan: Plan,
    *,
    needed_bytes: int,
    may_be_less: bool = False,
    is_new_image: bool = True,
) -> int:
    """How many bytes a new session may bring; with `may_be_less` only what is left. The account's row must be held.

    Raises:
        QuotaExceeded: the plan has no room for these bytes, or for one more image; `details.limit` says which.
    """
    if plan.storage_quota_bytes is None and plan.max_images is None:
        return needed_bytes
    # In this order: an upload that ends between the two looks is counted twice, and not by neither.
    sessions, reserved_bytes = await reserved_by(db, account.id, now=utc_now())
    images, stored_bytes = await usage_of(db, account.id)
    if plan.max_images is not None and is_new_image:
        _check_images(plan.max_images, taken=images + sessions)
    if plan.storage_quota_bytes is None:
        return needed_bytes
    remaining = plan.storage_quota_bytes - stored_bytes - reserved_bytes
    if may_be_less and remaining > 0:
        return min(needed_bytes, remaining)
    if needed_bytes > remaining:
        facts = {"limit": "storageQuotaBytes", "remaining": max(0, remaining), "needed": needed_bytes}
        message = "The account's storage is used up. Delete images or open smaller sessions."
        raise QuotaExceeded(message, details=facts)
    return needed_bytes


async def check_unsized(db: Transaction, owner_id: AccountId) -> None:
    """Refuse one more session that reserves nothing, as nobody knows its file's size, where there are many.

    Raises:
        RateLimited: there are `MAX_UNSIZED`.
    """
    if await count_unsized(db, owner_id, now=utc_now()) >= MAX_UNSIZED:
        message = f"At most {MAX_UNSIZED} uploads can be open whose size was not told. Send the files of some."
        raise RateLimited(message, retry_after_s=_UNSIZED_RETRY_S)


def _check_images(max_images: int, *, taken: int) -> None:
    if taken >= max_images:
        facts = {"limit": "maxImages", "remaining": 0, "needed": 1}
        raise QuotaExceeded(f"The plan has room for {max_images} images. Delete some.", details=facts)
