"""How a try to make a variant ends: the columns that say so."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.db.records import VariantRecord
from app.domain.variants import VariantState
from app.errors import ErrorCode, Lack, RenderFailed, RenderTimeout, SafelightError
from app.storage.port import ObjectKey
from app.telemetry import RENDERS

log = logging.getLogger(__name__)

MAX_FAILURES = 3
MAX_LOSSES = 8
"""So many times a variant may be lost with its worker or its child before it is FAILED."""
MAX_LONE_STARVATIONS = 3
"""So many times the machine may lack memory or time for an image that runs alone before it is FAILED."""
MAX_HOST_FAULTS_TIME = timedelta(hours=24)
"""So long a variant may be tried again because of faults of the machine before it is FAILED."""
_MAX_PAUSE_S = 30.0
MIN_HOST_PAUSE_S, MAX_HOST_PAUSE_S = 0.5, 600.0
_MIB = 1024 * 1024


_NO_HOST_FAULTS: dict[str, object] = {"host_faults": 0, "host_faults_since": None}


@dataclass(frozen=True, slots=True)
class Ending:
    """The columns that a try leaves, and the error where it was the last one."""

    values: dict[str, object]
    error: SafelightError | None = None


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


def host_pause_s(faults: int) -> float:
    """Seconds to wait after so many consecutive faults of the machine."""
    return min(MAX_HOST_PAUSE_S, MIN_HOST_PAUSE_S * 2.0 ** (min(faults, 20) - 1))


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
        **_NO_HOST_FAULTS,
        "losses": 0,
        "starvations": 0,
        "lacked_memory_bytes": None,
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


def failed_try_values(variant: VariantRecord, error: SafelightError, revision: int, now: datetime) -> Ending:
    """How a try that failed by the image's own fault ends: the third is the last, or one that no other can mend."""
    failures = variant.failures + 1
    counts = {**_NO_HOST_FAULTS, "failures": failures}
    if failures >= MAX_FAILURES or error.code is ErrorCode.DERIVATIVE_NOT_ALLOWED:
        return Ending({**final_values(variant, error, revision, now), **counts}, error)
    pause = timedelta(seconds=pause_s(failures))
    return Ending({**next_values(variant, now + pause), **counts})


def host_fault_values(
    variant: VariantRecord, lack: Lack | None, revision: int, now: datetime, *, memory_bytes: int
) -> Ending:
    """How a try that the machine ended ends: it uses up no attempt, and the pauses grow from 0.5 s to 10 min.

    `lack` is what the machine had too little of, if that was it; `memory_bytes` is how much memory it has.
    """
    faults, since = variant.host_faults + 1, variant.host_faults_since or now
    starvations = variant.starvations + (lack is not None)
    counts = {"host_faults": faults, "host_faults_since": since, "starvations": starvations, "losses": 0}
    if lack is not None and starvations > MAX_LONE_STARVATIONS:
        error = _starved(lack, memory_bytes)
        counts["lacked_memory_bytes"] = memory_bytes if lack is Lack.MEMORY else None
    elif now - since >= MAX_HOST_FAULTS_TIME:
        error = RenderFailed("Faults of the server kept this from being made for 24 hours. Retry when they are mended.")
    else:
        return Ending({**next_values(variant, now + timedelta(seconds=host_pause_s(faults))), **counts})
    return Ending({**final_values(variant, error, revision, now), **counts}, error)


def _starved(lack: Lack, memory_bytes: int) -> SafelightError:
    if lack is Lack.TIME:
        return RenderTimeout(
            "The server was too busy to make this in time, although it made nothing else. Retry when it is less busy."
        )
    return RenderFailed(
        f"The server ran out of memory on this image: its worker has {memory_bytes // _MIB} MiB. "
        "Retry when it has more; a worker that starts with more memory retries by itself."
    )


def worn_out(variant: VariantRecord, revision: int, now: datetime) -> Ending:
    """How a variant ends that took its worker with it too often."""
    error = RenderFailed("Rendering broke off again and again.")
    return Ending(final_values(variant, error, revision, now), error)


def report_end(variant: VariantRecord, error: SafelightError | None) -> None:
    """Log and count a try that made nothing; `error` is the reason where it was the last one."""
    RENDERS.labels(family=variant.family.value, outcome="failed" if error else "retried").inc()
    if error is not None:
        facts = {"image_id": str(variant.image_id), "family": variant.family, "size": variant.size}
        log.warning("variant_failed", extra={**facts, "code": error.code.value, "reason": error.message})
