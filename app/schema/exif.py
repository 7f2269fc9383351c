"""What a camera noted, as clients see it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import strawberry

from app.db.records import ImageRecord


@strawberry.type(description="A place on Earth, WGS 84.")
class GeoPoint:
    """Where a picture was taken."""

    latitude: float = strawberry.field(description="Degrees north, -90 to 90.")
    longitude: float = strawberry.field(description="Degrees east, -180 to 180.")


@strawberry.type(description="What the camera noted; each is null where it did not, or where it makes no sense.")
class Exif:
    """The camera's facts."""

    make: str | None = strawberry.field(description="Who built the camera.")
    model: str | None = strawberry.field(description="Which camera it is.")
    lens: str | None = strawberry.field(description="Which lens it had.")
    taken_at: datetime | None = strawberry.field(description="When; counts as UTC where the camera noted no offset.")
    exposure_time: str | None = strawberry.field(description="Seconds, as a fraction such as 1/250.")
    f_number: float | None = strawberry.field(description="The aperture: focal length by its diameter.")
    iso: int | None = strawberry.field(description="Sensitivity.")
    focal_length: float | None = strawberry.field(description="Millimetres.")
    location: GeoPoint | None = strawberry.field(description="Where. Only for the owner.")
    copyright: str | None = strawberry.field(description="Whose picture it is.")
    artist: str | None = strawberry.field(description="Who took it.")


@strawberry.type(description="What must stay in the picture when something is cut off.")
class FocalPoint:
    """A point of a picture."""

    x: float = strawberry.field(description="0 at the left edge to 1 at the right.")
    y: float = strawberry.field(description="0 at the top edge to 1 at the bottom.")


def exif_of(image: ImageRecord, *, is_owner: bool) -> Exif | None:
    """The facts that an image's row keeps; None where there are none."""
    # The row holds ExifFacts as JSON, each field of its own type: Any, as the type checker cannot know which.
    kept: Mapping[str, Any] | None = image.exif
    if not kept:
        return None
    latitude, longitude = kept.get("latitude"), kept.get("longitude")
    location = None
    if is_owner and latitude is not None and longitude is not None:
        location = GeoPoint(latitude=latitude, longitude=longitude)
    return Exif(
        make=kept.get("make"),
        model=kept.get("model"),
        lens=kept.get("lens"),
        taken_at=image.taken_at,
        exposure_time=kept.get("exposure_time"),
        f_number=kept.get("f_number"),
        iso=kept.get("iso"),
        focal_length=kept.get("focal_length_mm"),
        location=location,
        copyright=kept.get("copyright"),
        artist=kept.get("artist"),
    )


def focal_point_of(image: ImageRecord) -> FocalPoint | None:
    """What the owner chose; None for the centre."""
    if image.focal_x is None or image.focal_y is None:
        return None
    return FocalPoint(x=image.focal_x, y=image.focal_y)
