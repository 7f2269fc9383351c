"""What a page shows until a picture is there, and what the camera noted."""

import strawberry

from app.db.records import ImageRecord


@strawberry.type(description="What to show until the picture is there.")
class Placeholder:
    """A tiny picture of a picture."""

    thumbhash: str = strawberry.field(description="ThumbHash, base64.")
    dominant_color: str = strawberry.field(description="Mean colour, #rrggbb.")
    data_uri: str = strawberry.field(description="A data: URI of a tiny PNG, ready for <img src>.")


def placeholder_of(image: ImageRecord) -> Placeholder | None:
    """The placeholder of an image that was decoded."""
    if image.thumbhash is None or image.dominant_color is None:
        return None
    return Placeholder(
        thumbhash=image.thumbhash,
        dominant_color=image.dominant_color,
        data_uri=f"data:image/png;base64,{image.placeholder_png or ''}",
    )
