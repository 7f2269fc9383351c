"""How Slink tells what went wrong: `{error: {title, message, violations: [{property, message}]}}`."""

from collections.abc import Mapping
from http import HTTPStatus

from app.errors import (
    FileTooLarge,
    ImageTooLarge,
    InvalidFileType,
    InvalidImage,
    InvalidRequest,
    QuotaExceeded,
    SafelightError,
)

ABOUT_THE_FILE = (FileTooLarge, ImageTooLarge, InvalidFileType, InvalidImage, QuotaExceeded)
"""What is wrong with a file is a violation of the property `image`, and its status 422."""
SENT_BYTES = "sentBytes"
"""Among an error's details: the length of the file that was refused, where it is known."""
_MEGA, _KILO = 1_000_000, 1_000
_UNKNOWN_TYPE = "application/octet-stream"


def tell(error: SafelightError) -> tuple[int, Mapping[str, object]]:
    """Status and body. Slink's own title is the name of its framework's class; ours is the status in words."""
    violation = _violation(error)
    status = 422 if violation is not None else error.status
    return status, {
        "error": {
            "title": _phrase(status),
            "message": "Validation Error" if violation is not None else error.message,
            "violations": [violation] if violation is not None else [],
        }
    }


def _phrase(status: int) -> str:
    # Newer Pythons call it by its newer name.
    return "Unprocessable Content" if status == 422 else HTTPStatus(status).phrase


def _violation(error: SafelightError) -> dict[str, str] | None:
    field = error.details.get("field")
    is_about_file = isinstance(error, ABOUT_THE_FILE)
    is_about_field = isinstance(error, InvalidRequest) and error.status == 400 and field is not None
    if not (is_about_file or is_about_field):
        return None
    return {"property": str(field or "image"), "message": _message(error)}


def _message(error: SafelightError) -> str:
    if isinstance(error, FileTooLarge) and isinstance(error.details.get("maxBytes"), int):
        sent = error.details.get(SENT_BYTES)
        so_large = f" ({_size(sent)})" if isinstance(sent, int) else ""
        return f"The file is too large{so_large}. Allowed maximum size is {_size(error.details['maxBytes'])}."
    if isinstance(error, InvalidFileType):
        detected = error.details.get("detected") or _UNKNOWN_TYPE
        allowed = error.details.get("allowed")
        listed = ", ".join(f'"{name}"' for name in allowed) if isinstance(allowed, list) else ""
        return f'The mime type of the file is invalid ("{detected}"). Allowed mime types are {listed}.'
    return error.message


def _size(size_bytes: object) -> str:
    # Decimal units, at most two decimals: 2.14 MB, 1 MB, 512 kB.
    number = int(str(size_bytes))
    for unit_bytes, unit in ((_MEGA, "MB"), (_KILO, "kB")):
        if number >= unit_bytes:
            return f"{number / unit_bytes:.2f}".rstrip("0").rstrip(".") + f" {unit}"
    return f"{number} bytes"
