"""The one decode of a job: as small as the wanted sizes allow, checked against what the headers promised."""

import warnings

from wand.exceptions import (
    CacheError,
    CacheFatalError,
    ResourceLimitError,
    ResourceLimitFatalError,
    WandException,
)
from wand.image import Image

from app.domain.formats import ImageFormat
from app.domain.headers.facts import HeaderFacts
from app.rendering.child.decode_plan import decoded_size, expected_sizes
from app.rendering.child.geometry import Size
from app.rendering.child.heif import HEIFUndecodable, load_decoder
from app.rendering.child.heif_import import import_heif
from app.rendering.child.magick import count_frames

# Warnings come for many a good picture ("extraneous bytes"), so a picture with warnings is a picture.
warnings.simplefilter("ignore")

_CODERS = {codec: codec.value.upper() for codec in ImageFormat}

_HEIF_FORMATS = {ImageFormat.AVIF, ImageFormat.HEIC}

# ImageMagick throws these where a limit of the policy is met, or memory has run out.
LIMIT_ERRORS = (ResourceLimitError, ResourceLimitFatalError, CacheError, CacheFatalError, MemoryError)


class Undecodable(Exception):
    """The bytes are not the picture that their headers promise."""

    def __init__(self, *, is_too_large: bool = False) -> None:
        super().__init__()
        self.is_too_large = is_too_large


def decode_still(path: str, facts: HeaderFacts, needed: Size, *, divisor: int = 1) -> Image:
    """The picture, or its first frame, in the orientation in which it is stored.

    A JPEG is shrunk by `divisor` while it is decoded, anything else averaged down after it; never below `needed`.

    Raises:
        Undecodable: broken bytes, other dimensions than promised, or more memory needed than there is.
    """
    divisor = divisor if facts.format is ImageFormat.JPEG else 1
    image = _read_heif(path) if facts.format in _HEIF_FORMATS else None
    image = image or _read(path, facts, divisor)
    if facts.format is ImageFormat.GIF and image.size != (facts.width_px, facts.height_px):
        image.alpha_channel = "set"  # what the first frame leaves of the screen is transparent
        image.coalesce()
    if image.size not in expected_sizes(facts, divisor):
        raise Undecodable
    if facts.format is not ImageFormat.JPEG and (smaller := decoded_size(facts, needed, 1)) != image.size:
        image.scale(*smaller)
    return image


def decode_film(path: str, facts: HeaderFacts) -> Image:
    """All frames of an animation, as the file has them.

    Raises:
        Undecodable: broken bytes, another number of frames than promised, or more memory needed than there is.
    """
    film = _read(path, facts, 1, selection="")
    if count_frames(film) != facts.frames:
        raise Undecodable
    return film


def _read_heif(path: str) -> Image | None:
    decoder = load_decoder()
    if decoder is None:
        return None  # ImageMagick's own coder, which drops alpha and colour profiles, must do
    try:
        with decoder.decode(path) as pixels:
            return import_heif(pixels)
    except HEIFUndecodable:
        return None  # a conversion that this libheif lacks, or broken bytes: ImageMagick's coder decides
    except LIMIT_ERRORS as error:
        raise Undecodable(is_too_large=True) from error
    except WandException as error:
        raise Undecodable from error


def _read(path: str, facts: HeaderFacts, divisor: int, *, selection: str = "[0]") -> Image:
    image = Image()
    if divisor > 1:
        # An option set after `Image(filename=…)` would come too late.
        image.options["jpeg:size"] = f"{facts.width_px // divisor}x{facts.height_px // divisor}"
    try:
        # The coder is named, so nothing is guessed from the bytes; the path is the parent's, never a user's.
        image.read(filename=f"{_CODERS[facts.format]}:{path}{selection}")
    except LIMIT_ERRORS as error:
        raise Undecodable(is_too_large=True) from error
    except WandException as error:
        raise Undecodable from error
    if count_frames(image) < 1 or 0 in image.size:  # Wand hides some failures behind an empty picture
        raise Undecodable
    return image
