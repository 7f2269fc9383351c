"""What an address, with its query, wants to be made of the image that it names."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.addresses import CloudflareAddress, PrettyAddress, ShortAddress, SlinkAddress, TransformAddress
from app.domain.cloudflare_options import is_option_list, parse_cloudflare_options
from app.domain.formats import ImageFormat
from app.domain.outputs import OutputFormat
from app.domain.slink_params import parse_slink_params
from app.domain.transforms import Transform, parse_options
from app.domain.variants import ORIGINAL_SIZE, Family
from app.domain.wishes import Wish

MadeAddress = PrettyAddress | ShortAddress | CloudflareAddress | SlinkAddress | TransformAddress
"""Addresses that have made what is missing."""


@dataclass(frozen=True, slots=True)
class Want:
    """How a picture is wanted, before anybody knows which picture."""

    size: str | Transform
    """A preset's name, or a free transformation."""
    output: OutputFormat | ImageFormat = OutputFormat.AUTO
    """AUTO where the address says nothing of it."""

    @property
    def is_negotiable(self) -> bool:
        """Does the client's `Accept` decide about the format?"""
        return self.output is OutputFormat.AUTO


def read_want(address: MadeAddress, query: Iterable[tuple[str, str]]) -> Want:
    """What an address wants; `query` is decoded, in order.

    Raises:
        InvalidRequest: options or parameters cannot be; `details.field` names the one at fault.
    """
    if isinstance(address, SlinkAddress):
        return Want(parse_slink_params(query) or ORIGINAL_SIZE, address.format)
    if isinstance(address, TransformAddress):
        return Want(parse_options(address.options), address.format)
    if address.size is None:
        return Want(ORIGINAL_SIZE)
    if is_option_list(address.size):
        options = parse_cloudflare_options(address.size)
        return Want(options.transform, options.output)
    return Want(address.size)


def named_wish(want: Want, stored: ImageFormat | None) -> Wish | None:
    """What is wanted of an image whose ORIGINAL family is stored so, where the format is said; None where it cannot be.

    The original itself is taken where it has the format that is wanted: it is there, and as good as it gets.
    """
    output = want.output
    if isinstance(output, OutputFormat):
        return Wish(Family(output.value), want.size)
    if output is stored and (want.size == ORIGINAL_SIZE or output.value not in _FAMILIES):
        return Wish(Family.ORIGINAL, want.size)
    return Wish(Family(output.value), want.size) if output.value in _FAMILIES else None


_FAMILIES = {family.value for family in Family}
