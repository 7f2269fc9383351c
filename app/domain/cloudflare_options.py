"""The option list in a delivery URL of Cloudflare Images (`w=400,h=300,fit=cover,f=auto`).

What is wrong is Cloudflare's error 9401, missing or invalid parameters, which is InvalidRequest here. Options are of
four kinds: those that we do; hints about speed and failure, which are checked and do nothing; effects that we do not
have, which are refused unless they ask for no change; unknown ones, which are refused.
"""

from dataclasses import dataclass, replace

from app.domain.option_lists import OptionList, refuse
from app.domain.outputs import OutputFormat
from app.domain.transforms import ALIASES, Transform, take_quality, take_transform
from app.domain.variants import MetadataPolicy

_ALIASES = {**ALIASES, "f": "format", "scq": "slow-connection-quality"}
_FORMATS = {
    "auto": OutputFormat.AUTO,
    "avif": OutputFormat.AVIF,
    "webp": OutputFormat.WEBP,
    "jpeg": OutputFormat.JPEG,
    # Ours are baseline anyway.
    "baseline-jpeg": OutputFormat.JPEG,
    "png": OutputFormat.PNG,
}
_FACTORS = ("brightness", "contrast", "gamma")
_NO_CHANGE = frozenset({None, 0.0, 1.0})
"""Cloudflare ignores a factor of 0."""
_MISSING = ("trim", "border", "segment", "upscale")


@dataclass(frozen=True, slots=True)
class CloudflareOptions:
    """What a list asks for."""

    transform: Transform
    output: OutputFormat
    """AUTO where the list does not say: the request's Accept header decides."""


def is_option_list(segment: str) -> bool:
    """Is the last segment of a delivery URL a list, and not a variant's name? No name has an equals sign."""
    return "=" in segment


def parse_cloudflare_options(text: str) -> CloudflareOptions:
    """Read the list; `text` is as it stands in the path, its percent-encoding undone.

    Raises:
        InvalidRequest: it is no list, an option is unknown, not ours to do, given twice or out of its limits.
    """
    options = OptionList(text, aliases=_ALIASES)
    if options.drop("format", "json"):
        refuse("format", "format=json is not answered here. The GraphQL API tells sizes and media types.")
    output = options.take_choice("format", _FORMATS, OutputFormat.AUTO)
    _drop_hints(options)
    _refuse_effects(options)
    is_colourless = _take_saturation(options) == 0
    # Cloudflare keeps the copyright tag unless told otherwise.
    transform = take_transform(options, metadata=MetadataPolicy.COPYRIGHT)
    options.end()
    return CloudflareOptions(replace(transform, is_grayscale=True) if is_colourless else transform, output)


def _drop_hints(options: OptionList) -> None:
    # Without a browser's hints, which we do not read, Cloudflare takes the picture's own width too.
    options.drop("width", "auto")
    options.drop("onerror", "redirect")
    options.drop("compression", "fast")
    take_quality(options, "slow-connection-quality")
    zoom = options.take_decimal("zoom")
    if zoom is not None and zoom > 1:
        refuse("zoom", "zoom must be between 0 and 1.")


def _refuse_effects(options: OptionList) -> None:
    for name in _MISSING:
        if options.take(name) is not None:
            refuse(name, f"{name} cannot be done here.")
    for name in _FACTORS:
        if options.take_decimal(name) not in _NO_CHANGE:
            refuse(name, f"{name} cannot be changed here.")


def _take_saturation(options: OptionList) -> float | None:
    saturation = options.take_decimal("saturation")
    if saturation not in _NO_CHANGE:
        refuse("saturation", "saturation can be 0, for no colour, or 1, for no change.")
    return saturation
