"""One door for every container: what a picture's headers say, or why it is not taken."""

from typing import BinaryIO

from app.domain.formats import MEDIA_TYPES, SNIFF_BYTES, ImageFormat, sniff
from app.domain.headers import gif, heif, jpeg, png, webp
from app.domain.headers.facts import Budget, HeaderFacts
from app.domain.headers.reading import read_up_to
from app.errors import InvalidFileType

# What people try to upload, so that the refusal can name it; nothing depends on it.
_OTHER_TYPES = (
    (b"%PDF", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"\0\0\1\0", "image/vnd.microsoft.icon"),
    (b"\xff\x0a", "image/jxl"),
    (b"\0\0\0\x0cJXL ", "image/jxl"),
    (b"\0\0\0\x0cjP  ", "image/jp2"),
    (b"<svg", "image/svg+xml"),
    (b"<?xml", "application/xml"),
    (b"<!DOCTYPE html", "text/html"),
    (b"<html", "text/html"),
)


def probe(file: BinaryIO, *, budget: Budget) -> HeaderFacts:
    """What the headers of a seekable file promise, stopped at the first promise above the budget.

    Reads bounded pieces and decodes nothing; what passes may still turn out to be broken.

    Raises:
        InvalidFileType: the bytes are of no format that is taken; `details.detected`, `details.allowed`.
        ImageTooLarge: a promise is above the budget; `details.limit`, and `pixels` with
            `maxPixels`, or `value` with `max`.
        InvalidImage: the headers contradict themselves, or the file ends before the picture begins.
    """
    head = read_up_to(file, 0, SNIFF_BYTES)
    codec = sniff(head)
    match codec:
        case ImageFormat.JPEG:
            return jpeg.read_facts(file, budget=budget)
        case ImageFormat.PNG:
            return png.read_facts(file, budget=budget)
        case ImageFormat.GIF:
            return gif.read_facts(file, budget=budget)
        case ImageFormat.WEBP:
            return webp.read_facts(file, budget=budget)
        case ImageFormat.AVIF | ImageFormat.HEIC:
            return heif.read_facts(file, codec, budget=budget)
        case None:
            details = {"detected": guess_other_type(head), "allowed": sorted(MEDIA_TYPES.values())}
            raise InvalidFileType("This is no picture of a format that is taken.", details=details)


def guess_other_type(head: bytes) -> str | None:
    """The media type of what is not taken, where its first bytes tell; None for what nobody knows."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    found = (name for magic, name in _OTHER_TYPES if head.startswith(magic) or text.lower().startswith(magic.lower()))
    return next(found, None)
