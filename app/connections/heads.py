"""What a request's head says of its body, and the answer to one that is too large."""

from app.connections.sending import SAFE_LINES

Headers = list[tuple[bytes, bytes]]

BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 31\r\nconnection: close\r\n" + SAFE_LINES + b"\r\n"
    b"The request's head is too large"
)


def has_body(headers: Headers) -> bool:
    """Does a body follow?"""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0") for name, value in headers
    )


def body_length(headers: Headers) -> int:
    """Of a body whose length is told; 0 where it is not, or where there is none."""
    told = next((value for name, value in headers if name == b"content-length"), b"0").strip()
    return int(told) if told.isdigit() and len(told) < 20 else 0


def has_one_host(headers: Headers, *, is_needed: bool) -> bool:
    """Exactly one `Host`, or none where HTTP/1.1 does not demand it; RFC 9112, section 3.2."""
    count = sum(name == b"host" for name, _ in headers)
    return count == 1 or (count == 0 and not is_needed)


class TooManyHeaders(Exception):
    """Ends the parser's work; it tells of it as of whatever else is no request."""


class AmbiguousHost(Exception):
    """Ends the parser's work, as above: parts of the server, or a proxy, could take the request for another host's."""


class UpgradeWithBody(Exception):
    """Ends the parser's work, as above: it would take the body for the next request."""
