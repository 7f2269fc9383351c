"""What every answer gets on its way out, whichever part of the server it comes from."""

from collections.abc import Iterable

from starlette.types import Message, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
_NO_CONTENT = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
SAFE_HEADERS = (_NO_SNIFFING, _NO_CONTENT)
SAFE_LINES = b"".join(b"%s: %s\r\n" % header for header in SAFE_HEADERS)
"""The headers of an answer that no application gives."""


def guard(send: Send, cycle: RequestResponseCycle) -> Send:
    """Add the security headers that an answer lacks; stream to HTTP/1.0 without chunks, which it does not know."""
    is_old = cycle.scope["http_version"] == "1.0"

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            names = {name.lower() for name, _ in headers}
            headers += (header for header in SAFE_HEADERS if header[0] not in names)
            message = {**message, "headers": headers}
            if is_old and not _has_length(names):
                # The end of the connection ends the body.
                cycle.chunked_encoding, cycle.keep_alive = False, False
        elif is_old and cycle.chunked_encoding is False and not cycle.expected_content_length:
            cycle.expected_content_length = len(message.get("body", b""))
        await send(message)

    return guarded


def _has_length(names: Iterable[bytes]) -> bool:
    return b"content-length" in names or b"transfer-encoding" in names
