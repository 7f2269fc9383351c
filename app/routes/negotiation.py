"""Which family an `Accept` header gets where the address names none (RFC 9110, 12.5.1), and which page or picture."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from app.domain.formats import MEDIA_TYPES, ImageFormat
from app.domain.variants import Family

MAX_ACCEPT_CHARACTERS = 1_024
_MAX_RANGES = 64
_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.ASCII)
# Heard of by name or not at all: `image/*` and `*/*` come from clients that can show neither.
_NEW = {Family.AVIF: "image/avif", Family.WEBP: "image/webp"}
_STORED = (ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.GIF, ImageFormat.WEBP, ImageFormat.AVIF)
_LETTERS = {Family.AVIF: "a", Family.WEBP: "w", Family.ORIGINAL: "o"}


@dataclass(frozen=True, slots=True)
class Taste:
    """What a client likes, as far as it changes what it gets."""

    families: Mapping[ImageFormat, tuple[Family, ...]]
    """By the format in which the ORIGINAL family is stored: what to send, best first. The last can always be had."""
    name: str
    """The same for all whose answers are the same: a part of the key of whatever keeps answers."""

    def prefer(self, stored: ImageFormat | None) -> tuple[Family, ...]:
        """Best first, for an image that is stored so; None where nobody knows yet."""
        return self.families.get(stored or ImageFormat.JPEG, (Family.ORIGINAL,))


def read_taste(accept: str | None) -> Taste:
    """What an `Accept` header asks for; one that is missing, or too long, asks for nothing in particular."""
    return _read_taste(accept if accept is not None and len(accept) <= MAX_ACCEPT_CHARACTERS else "*/*")


def prefers_page(accept: str | None) -> bool:
    """Would the client rather have HTML than a picture? Only who names HTML would."""
    if accept is None or len(accept) > MAX_ACCEPT_CHARACTERS:
        return False
    ranges = _read_ranges(accept)
    html = max(ranges.get("text/html", 0), ranges.get("application/xhtml+xml", 0))
    pictures = (weight for kind, weight in ranges.items() if kind.startswith("image/"))
    named = max(pictures, default=0.0)
    # Browsers that open an address name HTML first and pictures beside it, with the same weight; for `<img>` no HTML.
    return html > 0 and html >= named


@lru_cache(maxsize=1_024)
def _read_taste(accept: str) -> Taste:
    ranges = _read_ranges(accept)
    families = {stored: _rank(ranges, stored) for stored in _STORED}
    name = "-".join("".join(_LETTERS[family] for family in families[stored]) for stored in _STORED)
    return Taste(families, name)


def _rank(ranges: Mapping[str, float], stored: ImageFormat) -> tuple[Family, ...]:
    weights = {family: ranges.get(kind, 0.0) for family, kind in _NEW.items()}
    weights[Family.ORIGINAL] = _weigh(ranges, MEDIA_TYPES[stored])
    ranked = sorted(weights, key=lambda family: -weights[family])  # AVIF, WebP, ORIGINAL where the client likes all
    liked = [family for family in ranked if weights[family] > 0]
    if Family.WEBP in liked and _comes_before(liked, Family.WEBP, Family.ORIGINAL):
        return tuple(liked[: liked.index(Family.WEBP) + 1])
    # Who takes nothing that there is gets the original nevertheless: a picture is better than 406.
    before = liked[: liked.index(Family.ORIGINAL)] if Family.ORIGINAL in liked else liked
    return (*before, Family.ORIGINAL)


def _comes_before(ranked: list[Family], first: Family, second: Family) -> bool:
    return second not in ranked or ranked.index(first) < ranked.index(second)


def _weigh(ranges: Mapping[str, float], kind: str) -> float:
    for name in (kind, kind.partition("/")[0] + "/*", "*/*"):
        if name in ranges:
            return ranges[name]
    return 0.0


def _read_ranges(accept: str) -> dict[str, float]:
    ranges: dict[str, float] = {}
    for part in accept.split(",", _MAX_RANGES)[:_MAX_RANGES]:
        kind, *parameters = (text.strip() for text in part.lower().split(";"))
        weight = _read_weight(parameters)
        if weight is not None and kind not in ranges:
            ranges[kind] = weight
    return ranges


def _read_weight(parameters: list[str]) -> float | None:
    """The `q` of a range; 1 where there is none, None where it is none."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            text = value.strip()
            return float(text) if _QUALITY.fullmatch(text) else None
    return 1.0
