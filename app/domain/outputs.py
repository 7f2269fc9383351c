"""What a transformation may be encoded as."""

from enum import StrEnum


class OutputFormat(StrEnum):
    """AUTO is decided by the request's Accept header; ORIGINAL keeps the upload's own format."""

    AUTO = "auto"
    ORIGINAL = "original"
    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
