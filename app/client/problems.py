"""What can go wrong, told the same way whether this side or the server found it: a code and a sentence."""

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import httpx
from gql.transport.exceptions import (
    TransportConnectionFailed,
    TransportError,
    TransportQueryError,
    TransportServerError,
)
from websockets.exceptions import ConnectionClosed, InvalidStatus


class ClientCode(StrEnum):
    """What this side finds out; all other codes are the server's own (ErrorCode in the schema)."""

    FILE_NOT_FOUND = "FILE_NOT_FOUND"
    FILE_NOT_READABLE = "FILE_NOT_READABLE"
    FILE_EMPTY = "FILE_EMPTY"
    FILE_CHANGED = "FILE_CHANGED"
    NO_PICTURES = "NO_PICTURES"
    UNREACHABLE = "UNREACHABLE"
    NOT_SAFELIGHT = "NOT_SAFELIGHT"


# The server's codes behind which the same request may go through later.
_PASSING_CODES = frozenset({"UNAVAILABLE", "RATE_LIMITED", "UPLOAD_INCOMPLETE"})
# What graphql-transport-ws servers close a socket with when the credential is not good.
_FORBIDDEN_CLOSE = 4403


class Problem(Exception):
    """Something that keeps a file from becoming an image, or this program from its server."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        is_passing: bool = False,
        retry_after_s: float | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = str(code)
        self.message = message
        self.is_passing = is_passing
        """True where the same try may succeed later."""
        self.retry_after_s = retry_after_s
        """How long the server asks to wait."""
        self.details = dict(details or {})
        """Facts for a program, as the server tells them: Any."""


def problem_of_graphql(error: TransportError | TimeoutError, url: str) -> Problem:
    """What a GraphQL request or subscription failed of."""
    if isinstance(error, TransportQueryError) and error.errors:
        return _problem_of_error(error.errors[0])
    if isinstance(error, TransportServerError):
        return problem_of_status(error.code or 500, url)
    if isinstance(error, TransportConnectionFailed | TimeoutError):
        return _problem_of_connection(error.__cause__, url)
    return Problem(ClientCode.NOT_SAFELIGHT, f"What answers at {url} is no Safelight.")


def problem_of_answer(response: httpx.Response) -> Problem:
    """Why an upload was refused."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or "code" not in body:
        return problem_of_status(response.status_code, str(response.url.copy_with(query=None)))
    code = str(body["code"])
    return Problem(
        code,
        str(body.get("message", "")),
        is_passing=code in _PASSING_CODES,
        retry_after_s=_read_seconds(response.headers.get("retry-after")),
    )


def problem_of_status(status: int, url: str) -> Problem:
    """What a status without one of Safelight's own bodies means: somebody else answered, a proxy perhaps."""
    if status >= 500:
        return Problem(ClientCode.UNREACHABLE, f"{url} answers with HTTP status {status}.", is_passing=True)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Problem(
            "FILE_TOO_LARGE",
            f"A proxy before {url} refuses files of this size (HTTP status 413). Raise its limit for request bodies: "
            "client_max_body_size in nginx, request_body max_size in Caddy.",
        )
    return Problem(ClientCode.NOT_SAFELIGHT, f"What answers at {url} is no Safelight (HTTP status {status}).")


def unreachable(url: str) -> Problem:
    """Nobody answers, at present."""
    return Problem(ClientCode.UNREACHABLE, f"{url} does not answer.", is_passing=True)


# The errors of a GraphQL answer are JSON: Any.
def _problem_of_error(error: Mapping[str, Any]) -> Problem:
    facts = error.get("extensions") or {}
    code = str(facts.get("code", "INTERNAL"))
    return Problem(
        code,
        str(error.get("message", "")),
        is_passing=code in _PASSING_CODES,
        retry_after_s=_read_seconds(facts.get("retryAfter")),
        details=facts.get("details"),
    )


def _problem_of_connection(cause: BaseException | None, url: str) -> Problem:
    if isinstance(cause, ConnectionClosed) and cause.rcvd is not None:
        if cause.rcvd.code == _FORBIDDEN_CLOSE:
            return Problem("UNAUTHORIZED", "The server closed the socket: the API key is no longer good.")
        if 4400 <= cause.rcvd.code < 4500:
            return Problem("INVALID_REQUEST", f"The server closed the socket: {cause.rcvd.reason}.")
    if isinstance(cause, InvalidStatus) and cause.response.status_code < 500:
        return problem_of_status(cause.response.status_code, url)
    return unreachable(url)


def _read_seconds(value: object) -> float | None:
    try:
        return max(0.0, float(str(value)))
    except ValueError:
        return None
