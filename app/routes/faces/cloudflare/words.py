"""Cloudflare's envelope around every answer, and its numbers for what goes wrong (reference: its guide)."""

from collections.abc import Mapping

from starlette.responses import Response

from app.errors import ErrorCode, InvalidRequest, NotFound, SafelightError, UrlNotAllowed
from app.routes.answers import json_response

# Where Cloudflare has a status, or a number, that says more than 5000 and the status, which most of its own are.
_STATUSES = {
    ErrorCode.UPLOAD_INCOMPLETE: 408,
    # "If the origin server returns an error while fetching the images, the response is a 4xx error."
    ErrorCode.FETCH_FAILED: 400,
}
_NUMBERS = {
    ErrorCode.UNAUTHORIZED: 10000,
    ErrorCode.FORBIDDEN: 9109,
    ErrorCode.INVALID_FILE_TYPE: 5455,
    # Of an image that cannot be fetched, in delivery too.
    ErrorCode.FETCH_FAILED: 9402,
}
_NO_ROUTE = 7003
_UNSUPPORTED_PROTOCOL = 5454
# What the services call by a name that clients of this face do not know.
_FIELDS = {"customId": "id", "expiresIn": "expiry", "browserTtl": "browser_ttl"}


class NotAForm(InvalidRequest):
    """A picture came as it is, and not as part of a form."""

    status = 415


class UnsupportedProtocol(UrlNotAllowed):
    """A URL is of another scheme than those that are fetched."""


class NoRoute(NotFound):
    """There is nothing at an address, whatever is there in the account."""


def success(result: object, *, more: Mapping[str, object] | None = None) -> Response:
    """An answer of which everything went well; `more` stands beside the result."""
    return json_response({"result": result, "success": True, "errors": [], "messages": [], **(more or {})})


def tell(error: SafelightError) -> tuple[int, Mapping[str, object]]:
    """The status and the body of an error."""
    status = _STATUSES.get(error.code, error.status)
    number = _number_of(error, status)
    message = error.message
    for ours, theirs in _FIELDS.items():
        message = message.replace(ours, theirs)
    if number in range(5000, 6000):
        # As Cloudflare writes those of its Images service; there are clients that look for it.
        message = f"ERROR {number}: {message}"
    body = {"result": None, "success": False, "errors": [{"code": number, "message": message}], "messages": []}
    return status, body


def _number_of(error: SafelightError, status: int) -> int:
    if isinstance(error, NoRoute):
        return _NO_ROUTE
    if isinstance(error, UnsupportedProtocol):
        return _UNSUPPORTED_PROTOCOL
    return _NUMBERS.get(error.code, 5000 + status)
