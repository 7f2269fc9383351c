"""What is said of images to change them, and the answers."""

import strawberry

from app.schema.enums import ErrorCode, Visibility
from app.schema.images import Image
from app.schema.scalars import JSON

UNSET = strawberry.UNSET


@strawberry.input(description="What must stay in the picture when something is cut off.")
class FocalPointInput:
    """A point of a picture."""

    x: float = strawberry.field(description="0 at the left edge to 1 at the right.")
    y: float = strawberry.field(description="0 at the top edge to 1 at the bottom.")


@strawberry.input(description="What shall change of an image: omitted keeps, null clears.")
class UpdateImageInput:
    """A change of one image."""

    id: strawberry.ID = strawberry.field(description="Which image.")
    filename: str | None = strawberry.field(
        default=UNSET,
        description="Only its last path component is kept; cannot be cleared. One that is taken in the album gets a "
        "number: beach-2.jpg.",
    )
    album_id: strawberry.ID | None = strawberry.field(default=UNSET, description="The album it shall be in.")
    album_slug: str | None = strawberry.field(default=UNSET, description="The album it shall be in, by its slug.")
    clear_album: bool | None = strawberry.field(default=UNSET, description="True: take it out of its album.")
    tags: list[str] | None = strawberry.field(default=UNSET, description="At most 50, each of at most 64 characters.")
    title: str | None = strawberry.field(default=UNSET, description="At most 255 characters.")
    alt: str | None = strawberry.field(default=UNSET, description="At most 5,000 characters.")
    description: str | None = strawberry.field(default=UNSET, description="At most 5,000 characters.")
    creator: str | None = strawberry.field(default=UNSET, description="At most 1,024 characters.")
    metadata: JSON | None = strawberry.field(default=UNSET, description="An object of at most 1,024 bytes as JSON.")
    visibility: Visibility | None = strawberry.field(default=UNSET, description="Who may see it; cannot be cleared.")
    is_nsfw: bool | None = strawberry.field(default=UNSET, description="Not safe for work; cannot be cleared.")
    focal_point: FocalPointInput | None = strawberry.field(default=UNSET, description="Null: the centre.")


@strawberry.input(description="The same change for many images; omitted keeps.")
class UpdateImagesInput:
    """A change of many images."""

    ids: list[strawberry.ID] = strawberry.field(description="UUIDs, at most 100.")
    album_id: strawberry.ID | None = strawberry.field(default=UNSET, description="Where they shall be; null: in none.")
    clear_album: bool | None = strawberry.field(default=None, description="True: take them out of their albums.")
    add_tags: list[str] | None = strawberry.field(default=None, description="Tags that each shall have.")
    remove_tags: list[str] | None = strawberry.field(default=None, description="Tags that none shall have.")
    visibility: Visibility | None = strawberry.field(default=None, description="Who may see them.")
    is_nsfw: bool | None = strawberry.field(default=None, description="Not safe for work.")


@strawberry.type(description="Why one of many could not be done.")
class ItemProblem:
    """One refusal among many."""

    id: strawberry.ID = strawberry.field(description="The id, as it was sent.")
    code: ErrorCode = strawberry.field(description="Stable name of the reason.")
    message: str = strawberry.field(description="A sentence for a person.")


@strawberry.type(description="An image was changed.")
class ImagePayload:
    """Answer of what changes one image."""

    image: Image = strawberry.field(description="The image as it is now.")


@strawberry.type(description="Images were changed; what could not be is told one by one.")
class ImagesPayload:
    """Answer of what changes many images."""

    images: list[Image] = strawberry.field(description="Those that were changed, in the order asked for.")
    failed: list[ItemProblem] = strawberry.field(description="Those that were not.")


@strawberry.type(description="Images were deleted; what could not be is told one by one.")
class DeleteImagesPayload:
    """Answer of deleteImages."""

    deleted_ids: list[strawberry.ID] = strawberry.field(description="Those that are deleted, as they were sent.")
    failed: list[ItemProblem] = strawberry.field(description="Those that are not.")
