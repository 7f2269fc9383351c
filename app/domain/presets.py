"""What an owner's own preset may be called and hold."""

import re
from uuid import UUID, uuid5

from app.domain.variants import BUILT_IN_PRESETS, Fit
from app.errors import InvalidRequest

MAX_SIDE_PX = 16_384
MAX_OWN_PRESETS = 100
MAX_NAME_CHARACTERS = 99
"""Cloudflare's limit for the name of a variant."""

# Whatever stands in a path and in an object key as it is; no dot, as an extension follows, and none of the signs that
# make Cloudflare's flexible variants out of a name.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,98}", re.ASCII)
_FILLING_FITS = frozenset({Fit.COVER, Fit.CROP, Fit.PAD})
_BUILT_IN_IDS = UUID("6f1d7c5e-0f43-5b0e-9c51-6f8f7f0e7a11")


def built_in_id(name: str) -> UUID:
    """The id of a built-in preset: the same on every server, for ever."""
    return uuid5(_BUILT_IN_IDS, name)


NAMES_BY_BUILT_IN_ID = {built_in_id(name): name for name in BUILT_IN_PRESETS}


def check_name(name: str, *, field: str = "name") -> str:
    """The name, where it can be one.

    Raises:
        InvalidRequest: it cannot.
    """
    if not _NAME.fullmatch(name):
        message = f"{field} must be 1 to {MAX_NAME_CHARACTERS} letters, digits, - and _, with a letter or digit first."
        raise InvalidRequest(message, details={"field": field})
    return name


def check_side(side_px: int | None, *, field: str) -> int | None:
    """A side of a box in pixels, None where the picture's own proportions give it.

    Raises:
        InvalidRequest: it is none.
    """
    if side_px is not None and not 1 <= side_px <= MAX_SIDE_PX:
        raise InvalidRequest(f"{field} must be between 1 and {MAX_SIDE_PX} pixels.", details={"field": field})
    return side_px


def check_box(fit: Fit, width_px: int | None, height_px: int | None) -> None:
    """Return if the fit has what it needs: those that fill a box need a side of it at least.

    Raises:
        InvalidRequest: it has not.
    """
    if fit in _FILLING_FITS and width_px is None and height_px is None:
        raise InvalidRequest(f"{fit.name} needs a width, a height or both.", details={"field": "width"})


def check_quality(quality: int | None) -> int | None:
    """A quality, None for the usual one.

    Raises:
        InvalidRequest: it is none.
    """
    if quality is not None and not 1 <= quality <= 100:
        raise InvalidRequest("quality must be between 1 and 100.", details={"field": "quality"})
    return quality
