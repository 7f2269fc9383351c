"""Signed addresses, and the transformations that they may stand for."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.context import Info
from app.db.snapshots import ImageSnapshot, stable_path
from app.domain.access import Scope
from app.domain.variants import Derivative
from app.errors import InvalidRequest
from app.schema.enums import Fit, MetadataPolicy, OutputFormat
from app.services.signing_keys import sign_path

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

    width: int | None = strawberry.field(default=None, description="Pixels of the box.")
    height: int | None = strawberry.field(default=None, description="Pixels of the box.")
    fit: Fit = strawberry.field(default=Fit.SCALE_DOWN, description="How the picture fills the box.")
    focal_x: float | None = strawberry.field(
        default=None, description="0 to 1 from the left; default the image's focal point, else the centre."
    )
    focal_y: float | None = strawberry.field(
        default=None, description="0 to 1 from the top; default the image's focal point, else the centre."
    )
    quality: int | None = strawberry.field(default=None, description="1 to 100.")
    background: str | None = strawberry.field(default=None, description="For PAD: #rrggbb or #rrggbbaa.")
    blur: float | None = strawberry.field(default=None, description="Radius, 1 to 250.")
    sharpen: float | None = strawberry.field(default=None, description="Strength, 0 to 10.")
    rotate: int | None = strawberry.field(default=None, description="Degrees clockwise: 90, 180 or 270.")
    grayscale: bool | None = strawberry.field(default=None, description="True takes the colour out.")
    dpr: float | None = strawberry.field(default=None, description="Device pixels for each pixel of the box: 1 to 3.")
    animated: bool | None = strawberry.field(default=None, description="False makes a still of the first frame.")
    metadata: MetadataPolicy | None = strawberry.field(default=None, description="What EXIF data is kept.")


TransformArgument = Annotated[
    TransformInput | None, strawberry.argument(description="In the place of family and size. Refused for now.")
]


async def sign_variant(
    info: Info, snapshot: ImageSnapshot, derivative: Derivative, *, expires_in_s: int
) -> SignedUrl | None:
    """The signed stable URL of a derivative; None for all but the image's owner."""
    owner_id = snapshot.image.owner_id
    if not info.context.principal.owns(owner_id, Scope.IMAGES_READ):
        return None
    keys = await info.context.loaders.signing_keys.load(owner_id)
    assert keys, "an account has at least one"
    signed = sign_path(stable_path(snapshot, derivative), keys, expires_in_s=expires_in_s)
    return SignedUrl(url=info.context.addresses.base_url + signed.path, expires_at=signed.expires_at)


def refuse_transform(transform: TransformInput | None) -> None:
    """Raise InvalidRequest where one is asked for: nothing makes them yet."""
    if transform is not None:
        message = "Transformations cannot be signed yet. Ask for a family and a size."
        raise InvalidRequest(message, details={"field": "transform"})
