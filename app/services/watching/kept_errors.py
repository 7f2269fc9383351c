"""Errors that are kept in rows and told later."""

from app import errors
from app.db.records import SessionRecord
from app.errors import ErrorCode, InternalError, SafelightError

_CLASSES = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, SafelightError) and kind is not SafelightError
}


def error_of_session(session: SessionRecord) -> SafelightError:
    """The error that a FAILED session was closed with."""
    return restore_error(session.error_code, session.error_message, session.error_details)


def restore_error(code: str | None, message: str | None, details: dict[str, object] | None = None) -> SafelightError:
    """The error whose code, sentence and facts were kept; an unknown code comes back as INTERNAL."""
    kind = _CLASSES.get(ErrorCode(code)) if code is not None and code in ErrorCode.__members__ else None
    return (kind or InternalError)(message or "Something went wrong.", details=details)
