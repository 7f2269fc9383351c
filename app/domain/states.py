"""Where images and upload sessions are on their way."""

from enum import StrEnum


class ImageState(StrEnum):
    """AWAITING_UPLOAD → PROCESSING → READY or FAILED; a new derivative leads back to PROCESSING."""

    AWAITING_UPLOAD = "awaiting_upload"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


class SessionState(StrEnum):
    """OPEN ⇄ RECEIVING → COMPLETED or FAILED; OPEN → EXPIRED or CANCELLED."""

    OPEN = "open"
    RECEIVING = "receiving"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"


OPEN_STATES = frozenset({SessionState.OPEN, SessionState.RECEIVING})
