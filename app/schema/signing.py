"""Signed addresses, and the transformations that they may stand for."""

from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

import strawberry

from app.context import Info
from app.db.snapshots import ImageSnapshot, stable_path
from app.domain.access import Scope
from app.domain.links import make_transform_path
from app.domain.transforms import Transform, write_options
from app.domain.variants import DEFAULT_QUALITY, Derivative
from app.schema.enums import Fit, MetadataPolicy, OutputFormat
from app.services.accounts.signing_keys import sign_path

ExpiresInArgument = Annotated[int, strawberry.argument(description="Seconds, 1 to 31,536,000.")]
FormatArgument = Annotated[
    OutputFormat, strawberry.argument(description="What a transformation is encoded as; a size has its family.")
]


@strawberry.type(description="An address that opens what is private, for a time.")
class SignedUrl:
    """A signature."""

    url: str = strawberry.field(description="With `exp` and `sig`. Any change to it makes it 403.")
    expires_at: datetime = strawberry.field(description="Until when it is good.")


@strawberry.input(description="How a picture is made; what is omitted stays as it is.")
class TransformInput:
    """A wish."""

    width: int | None = strawberry.field(default=None, description="Pixels of the box, 1 to 12,000; after rotation.")
    height: int | None = strawberry.field(default=None, description="Pixels of the box, 1 to 12,000; after rotation.")
    fit: Fit = strawberry.field(default=Fit.SCALE_DOWN, description="How the picture fills the box.")
    focal_x: float | None = strawberry.field(
        default=None, description="0 to 1 from the left; default the image's focal point, else the centre."
    )
    focal_y: float | None = strawberry.field(
        default=None, description="0 to 1 from the top; default the image's focal point, else the centre."
    )
    quality: int | None = strawberry.field(default=None, description="1 to 100; default 85.")
    background: str | None = strawberry.field(
        default=None, description="Behind transparency and for PAD: #rrggbb, #rrggbbaa or a name that CSS knows."
    )
    blur: float | None = strawberry.field(
        default=None, description="Standard deviation of a Gaussian in pixels of the result, up to 250."
    )
    sharpen: float | None = strawberry.field(default=None, description="Strength, 0 to 10.")
    rotate: int | None = strawberry.field(default=None, description="Degrees clockwise: 0, 90, 180 or 270.")
    grayscale: bool | None = strawberry.field(default=None, description="True takes the colour out.")
    dpr: float | None = strawberry.field(default=None, description="Device pixels for each pixel of the box: 1 to 3.")
    animated: bool | None = strawberry.field(default=None, description="False makes a still of the first frame.")
    metadata: MetadataPolicy | None = strawberry.field(
        default=None, description="What EXIF data is kept; default none of it."
    )


def read_transform(wish: TransformInput) -> Transform:
    """The transformation behind an input.

    Raises:
        InvalidRequest: a value is out of its limits; `details.field` names it.
    """
    return Transform(
        width_px=wish.width,
        height_px=wish.height,
        fit=wish.fit,
        focal_x=wish.focal_x,
        focal_y=wish.focal_y,
        quality=DEFAULT_QUALITY if wish.quality is None else wish.quality,
        background=wish.background,
        blur=wish.blur or 0,
        sharpen=wish.sharpen or 0,
        rotate=wish.rotate or 0,
        is_grayscale=wish.grayscale or False,
        dpr=1 if wish.dpr is None else wish.dpr,
        is_animated=wish.animated is not False,
        metadata=wish.metadata or MetadataPolicy.NONE,
    )


TransformArgument = Annotated[
    TransformInput | None, strawberry.argument(description="In the place of family and size.")
]


async def sign_variant(
    info: Info, snapshot: ImageSnapshot, derivative: Derivative, *, expires_in_s: int
) -> SignedUrl | None:
    """The signed stable URL of a derivative; None for all but the image's owner."""
    return await _sign(info, snapshot, stable_path(snapshot, derivative), expires_in_s)


async def sign_transform(
    info: Info, snapshot: ImageSnapshot, wish: TransformInput, output: OutputFormat, *, expires_in_s: int
) -> SignedUrl | None:
    """The signed address of a transformation; None for all but the image's owner.

    Raises:
        InvalidRequest: a value or the time is out of its limits; `details.field` names it.
    """
    path = make_transform_path(snapshot.image.id, write_options(read_transform(wish)), output)
    return await _sign(info, snapshot, path, expires_in_s)


async def _sign(info: Info, snapshot: ImageSnapshot, path: str, expires_in_s: int) -> SignedUrl | None:
    owner_id = snapshot.image.owner_id
    if not info.context.principal.owns(owner_id, Scope.IMAGES_READ):
        return None
    keys = await info.context.loaders.signing_keys.load(owner_id)
    assert keys, "an account has at least one"
    base = urlsplit(info.context.addresses.base_url)
    signed = sign_path(base.path + path, keys, expires_in_s=expires_in_s)
    return SignedUrl(url=f"{base.scheme}://{base.netloc}{signed.path}", expires_at=signed.expires_at)
