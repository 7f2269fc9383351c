"""What a request's head says of its body, and the answer to one that is too large."""

TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 31\r\nconnection: close\r\n\r\n"
    b"The request's head is too large"
)


def has_body(headers: list[tuple[bytes, bytes]]) -> bool:
    """Does a body follow?"""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0") for name, value in headers
    )


def body_length(headers: list[tuple[bytes, bytes]]) -> int:
    """Of a body whose length is told; 0 where it is not, or where there is none."""
    told = next((value for name, value in headers if name == b"content-length"), b"0").strip()
    return int(told) if told.isdigit() and len(told) < 20 else 0
