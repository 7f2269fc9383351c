"""Picture formats: what the first bytes say, media types, extensions, and what each can hold."""

from enum import StrEnum


class ImageFormat(StrEnum):
    """A codec as bytes show it."""

    JPEG = "jpeg"
    PNG = "png"
    GIF = "gif"
    WEBP = "webp"
    AVIF = "avif"
    HEIC = "heic"


MEDIA_TYPES: dict[ImageFormat, str] = {
    ImageFormat.JPEG: "image/jpeg",
    ImageFormat.PNG: "image/png",
    ImageFormat.GIF: "image/gif",
    ImageFormat.WEBP: "image/webp",
    ImageFormat.AVIF: "image/avif",
    ImageFormat.HEIC: "image/heic",
}

FORMATS_BY_MEDIA_TYPE = {media_type: codec for codec, media_type in MEDIA_TYPES.items()}

EXTENSIONS: dict[ImageFormat, str] = {
    ImageFormat.JPEG: "jpg",
    ImageFormat.PNG: "png",
    ImageFormat.GIF: "gif",
    ImageFormat.WEBP: "webp",
    ImageFormat.AVIF: "avif",
    ImageFormat.HEIC: "heic",
}

# Every spelling people use in file names and URLs, each with the format it means.
FORMATS_BY_EXTENSION: dict[str, ImageFormat] = {
    "jpg": ImageFormat.JPEG,
    "jpeg": ImageFormat.JPEG,
    "jpe": ImageFormat.JPEG,
    "jfif": ImageFormat.JPEG,
    "png": ImageFormat.PNG,
    "apng": ImageFormat.PNG,
    "gif": ImageFormat.GIF,
    "webp": ImageFormat.WEBP,
    "avif": ImageFormat.AVIF,
    "heic": ImageFormat.HEIC,
    "heif": ImageFormat.HEIC,
}

SNIFF_BYTES = 64
"""How many leading bytes `sniff` wants to see."""

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}


def sniff(head: bytes) -> ImageFormat | None:
    """The format that the first `SNIFF_BYTES` bytes prove, or None for anything that is not taken."""
    if head.startswith(b"\xff\xd8\xff"):
        return ImageFormat.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return ImageFormat.PNG
    if head.startswith((b"GIF87a", b"GIF89a")):
        return ImageFormat.GIF
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ImageFormat.WEBP
    if head[4:8] == b"ftyp":
        return _sniff_brands(head)
    return None


def _sniff_brands(head: bytes) -> ImageFormat | None:
    # The major brand decides; `mif1` and `msf1` say only "some HEIF", so the compatible brands decide there.
    box_bytes = int.from_bytes(head[:4], "big")
    major = head[8:12]
    compatible = {head[i : i + 4] for i in range(16, min(box_bytes, len(head)), 4)}
    brands = compatible if major in {b"mif1", b"msf1", b"miaf"} else {major}
    if brands & _AVIF_BRANDS:
        return ImageFormat.AVIF
    if brands & _HEIC_BRANDS:
        return ImageFormat.HEIC
    return None
