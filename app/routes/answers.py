"""JSON answers and errors, as every route gives them."""

import errno
import logging
from collections.abc import Callable, Mapping, Sequence

import orjson
from starlette.responses import Response
from starlette.types import Send

from app.errors import InternalError, SafelightError, Unavailable
from app.foreign_errors import report_foreign_error
from app.telemetry import request_id

log = logging.getLogger(__name__)

Headers = Sequence[tuple[bytes, bytes]]
Tell = Callable[[SafelightError], tuple[int, Mapping[str, object]]]
"""How an error is told: the status of the answer and its body."""

TELL = "tell_error"
"""Under this name a request's state has a `Tell`, where its errors are not told in the house's own way."""
_JSON_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
_DISK_FAULTS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.ENOENT, errno.ENOTDIR),
    *(errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE),
}
INTERNAL_MESSAGE = "Something went wrong on our side. The request id finds it in the server's log."


def error_body(error: SafelightError) -> dict[str, object]:
    """`{code, message, details, request_id}`."""
    return {
        "code": error.code.value,
        "message": error.message,
        "details": error.details,
        "request_id": request_id.get(),
    }


def tell_error(error: SafelightError) -> tuple[int, Mapping[str, object]]:
    """The house's own way."""
    return error.status, error_body(error)


def error_headers(error: SafelightError) -> list[tuple[bytes, bytes]]:
    """What an error says beside its body."""
    headers = list(_JSON_HEADERS)
    if error.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="safelight"'))
    if error.retry_after_s is not None:
        headers.append((b"retry-after", str(error.retry_after_s).encode()))
    return headers


def mask(error: Exception) -> SafelightError:
    """The error that a client is told; what nobody foresaw is logged and told as INTERNAL."""
    if isinstance(error, SafelightError):
        return error
    if isinstance(error, OSError) and error.errno in _DISK_FAULTS:
        code = errno.errorcode[error.errno]
        report_foreign_error("disk", operation="request", code=code, error=error)
        return Unavailable("The server cannot use its disk just now. Try again later.", retry_after_s=10)
    log.error("unforeseen_error", exc_info=error)
    return InternalError(INTERNAL_MESSAGE)


def stopping() -> SafelightError:
    """What a request is told that is broken off because the server stops."""
    return Unavailable("The server is stopping. Try again in a moment.", retry_after_s=1)


async def send_error(
    send: Send, error: SafelightError, extra: Headers = (), *, has_body: bool = True, tell: Tell = tell_error
) -> None:
    """Answer with an error."""
    status, body = tell(error)
    await send_json(send, status, body, [*error_headers(error), *extra], has_body=has_body)


async def send_json(
    send: Send, status: int, body: Mapping[str, object], headers: Headers = _JSON_HEADERS, *, has_body: bool = True
) -> None:
    """Answer with JSON."""
    content = orjson.dumps(body)
    length = (b"content-length", str(len(content)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": content if has_body else b""})


def json_response(body: Mapping[str, object] | Sequence[object], *, status: int = 200) -> Response:
    """An answer in JSON that nothing may cache."""
    response = Response(orjson.dumps(body), status_code=status, media_type="application/json")
    response.headers["cache-control"] = "no-store"
    return response
