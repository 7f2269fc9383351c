"""How a try to make a variant ends: the columns that say so."""

import logging
from dataclasses import dataclass
from datetime import datetime

from app.db.records import VariantRecord
from app.domain.variants import VariantState
from app.errors import ErrorCode, RenderFailed, SafelightError
from app.storage.port import ObjectKey

log = logging.getLogger(__name__)

MAX_FAILURES = 3
MAX_LOSSES = 8
"""So many times a variant may be lost with its worker or its child before it is FAILED."""
_MAX_PAUSE_S = 30.0


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


def pause_s(tries: int) -> float:
    """Seconds to wait before the next try."""
    return float(min(_MAX_PAUSE_S, 0.5 * 2**tries))


def ready_values(stored: StoredVariant, revision: int, now: object) -> dict[str, object]:
    """The columns of a variant whose file is in the store."""
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
        "is_stale": False,
        "error_code": None,
        "error_message": None,
        "losses": 0,
        "wanted_at": None,
        "updated_at": now,
    }


def _failed_values(error: SafelightError, revision: int, now: datetime) -> dict[str, object]:
    # What broke inside the house is no news to a client; that the rendering failed is.
    code = ErrorCode.RENDER_FAILED if error.is_fault else error.code
    return {
        "state": VariantState.FAILED,
        "revision": revision,
        "error_code": code.value,
        "error_message": error.message,
        "wanted_at": None,
        "updated_at": now,
    }


def next_values(variant: VariantRecord, not_before: datetime) -> dict[str, object]:
    """The columns of a variant that is tried again."""
    # What is made anew stays READY with its old bytes.
    state = VariantState.READY if variant.is_stale else VariantState.PLANNED
    return {"state": state, "not_before": not_before}


def final_values(variant: VariantRecord, error: SafelightError, revision: int, now: datetime) -> dict[str, object]:
    """The columns of a variant that is not tried again: FAILED, or as it was where it was made before."""
    if not variant.is_stale:
        return _failed_values(error, revision, now)
    facts = {"image_id": str(variant.image_id), "family": variant.family, "size": variant.size}
    log.error("variant_stays_old", extra={**facts, "code": error.code.value})
    return {"is_stale": False, "not_before": None, "wanted_at": None}


def worn_out_values(variant: VariantRecord, revision: int, now: datetime) -> dict[str, object]:
    """The columns of a variant that took its worker or its child with it too often."""
    return final_values(variant, RenderFailed("Rendering broke off again and again."), revision, now)
