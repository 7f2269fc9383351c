"""How PixelFox tells errors: `{error, message, details}`, the first a word in lower case."""

import re
from collections.abc import Mapping

from app.errors import ErrorCode, SafelightError

_WORDS = {
    ErrorCode.INVALID_REQUEST: "bad_request",
    ErrorCode.FILE_TOO_LARGE: "payload_too_large",
    ErrorCode.INVALID_FILE_TYPE: "unsupported_media_type",
    ErrorCode.UNAVAILABLE: "service_unavailable",
    ErrorCode.INTERNAL: "internal_error",
}
_HUMP = re.compile(r"(?<=[a-z])([A-Z])")


def tell(error: SafelightError) -> tuple[int, Mapping[str, object]]:
    """The status and the body of an error."""
    word = _WORDS.get(error.code, error.code.value.lower())
    return error.status, {"error": word, "message": error.message, "details": _details_of(error)}


def _details_of(error: SafelightError) -> dict[str, object]:
    details = {_snake(name): value for name, value in error.details.items()}
    field, derivatives = details.get("field"), details.get("derivatives")
    if isinstance(field, str):
        details["field"] = _snake(field)
    if isinstance(derivatives, list):
        details["derivatives"] = [{**each, "family": str(each["family"]).lower()} for each in derivatives]
    return details


def _snake(name: str) -> str:
    # What is no name of a field of ours, such as a header's, stays as it is.
    return _HUMP.sub(lambda hump: f"_{hump[1].lower()}", name)
