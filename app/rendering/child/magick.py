"""The few calls of ImageMagick that Wand lacks, or types wrongly; version 6 and 7 alike."""

import ctypes
from collections.abc import Iterable, Iterator

from wand.api import library
from wand.image import COLORSPACE_TYPES, FILTER_TYPES, STORAGE_TYPES, Image

_CHAR_PIXELS = STORAGE_TYPES.index("char")
_SHORT_PIXELS = STORAGE_TYPES.index("short")
_LANCZOS = FILTER_TYPES.index("lanczos")
_UNBLURRED = 1.0

# Wand declares no types for this one: the 64-bit pointer would be cut in half, and the process with it.
library.MagickProfileImage.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t]
library.MagickProfileImage.restype = ctypes.c_int


def color_space(image: Image) -> str:
    """`srgb`, `gray`, `cmyk`, …, or `other` for those that ImageMagick has and Wand does not know."""
    index = library.MagickGetImageColorspace(image.wand)
    return str(COLORSPACE_TYPES[index]) if 0 <= index < len(COLORSPACE_TYPES) else "other"


def convert_color_space(image: Image, name: str) -> None:
    """Convert the pixels from whatever space they are in.

    Raises:
        WandException: ImageMagick could not.
    """
    if not library.MagickTransformImageColorspace(image.wand, COLORSPACE_TYPES.index(name)):
        image.raise_exception()


def apply_profile(image: Image, profile: bytes) -> None:
    """Convert the pixels from the embedded colour profile to this one. Takes 110 ns a pixel.

    Raises:
        WandException: the embedded profile is broken or does not fit the pixels.
    """
    if not library.MagickProfileImage(image.wand, b"icc", profile, len(profile)):
        image.raise_exception()


def attach_profile(image: Image, kind: str, content: bytes) -> None:
    """Set a profile's bytes without touching the pixels."""
    image.profiles[kind] = content


def crop(image: Image, left: int, top: int, width: int, height: int) -> None:
    """Keep this part, in place, of the current frame alone.

    Wand's own method first asks for the format's MIME type, which takes 0.9 ms of ImageMagick's tables each time.

    Raises:
        WandException: memory ran out.
    """
    if not library.MagickCropImage(image.wand, width, height, left, top):
        image.raise_exception()
    image.reset_coords()


def resize_by_lanczos(image: Image, width: int, height: int) -> None:
    """Resize in place the current frame alone; without Wand's question, as `crop`.

    Raises:
        WandException: memory ran out.
    """
    if not library.MagickResizeImage(image.wand, width, height, _LANCZOS, _UNBLURRED):
        image.raise_exception()


def export_pixels(image: Image, channels: str) -> ctypes.Array[ctypes.c_char]:
    """The pixels as interleaved bytes, such as `RGB` or `RGBA`, row by row without gaps.

    Wand's own method makes a Python list of them: fifty times slower.

    Raises:
        WandException: memory ran out.
    """
    width, height = image.size
    pixels = ctypes.create_string_buffer(width * height * len(channels))
    # Wand's signature wants a void pointer; an array is passed as one.
    if not library.MagickExportImagePixels(
        image.wand, 0, 0, width, height, channels.encode(), _CHAR_PIXELS, ctypes.addressof(pixels)
    ):
        image.raise_exception()
    return pixels


def import_rows(image: Image, rows: Iterable[bytes], channels: str, *, is_deep: bool = False) -> None:
    """Set the pixels from interleaved rows of bytes, or of 16-bit words; `P` in `channels` skips one.

    Raises:
        WandException: memory ran out.
    """
    storage = _SHORT_PIXELS if is_deep else _CHAR_PIXELS
    for y, row in enumerate(rows):
        if not library.MagickImportImagePixels(image.wand, 0, y, image.width, 1, channels.encode(), storage, row):
            image.raise_exception()


def count_frames(image: Image) -> int:
    """How many pictures are in the list."""
    return int(library.MagickGetNumberImages(image.wand))


def walk_frames(image: Image) -> Iterator[int]:
    """Make each frame the current one in turn; yields its number. One pass, where Wand's own loops are quadratic."""
    library.MagickResetIterator(image.wand)
    number = 0
    while library.MagickNextImage(image.wand):
        yield number
        number += 1


def copy_frame(image: Image) -> Image:
    """The current frame as an image of its own; its pixels are shared until one of the two changes."""
    frame = Image()
    frame.wand = library.MagickGetImage(image.wand)
    return frame


def append_frame(film: Image, frame: Image) -> None:
    """Put a frame behind the last one.

    Raises:
        WandException: the list is full.
    """
    library.MagickSetLastIterator(film.wand)
    if not library.MagickAddImage(film.wand, frame.wand):
        film.raise_exception()


def write_film(film: Image, path: str) -> None:
    """Write all frames into one file; `path` begins with the coder's name.

    Raises:
        WandException: the encoder failed.
    """
    library.MagickResetIterator(film.wand)
    if not library.MagickWriteImages(film.wand, path.encode(), 1):
        film.raise_exception()
