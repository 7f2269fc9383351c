"""What is said of albums to make and change them, the answers, and tags."""

import strawberry

from app.schema.images import Album


@strawberry.type(description="A tag, and how often it is used.")
class TagCount:
    """One tag."""

    tag: str = strawberry.field(description="The tag.")
    count: int = strawberry.field(description="Images that have it, without drafts and the trash.")


@strawberry.input(description="An album to be made.")
class CreateAlbumInput:
    """A new album."""

    slug: str = strawberry.field(description="1 to 64 of a-z, 0-9 and -; unique among the owner's.")
    title: str | None = strawberry.field(
        default=None, description="At most 255 characters, not empty. Omitted: the slug."
    )
    description: str | None = strawberry.field(default=None, description="At most 5,000 characters.")


@strawberry.input(description="What shall change of an album: omitted keeps, null clears.")
class UpdateAlbumInput:
    """A change of an album."""

    id: strawberry.ID = strawberry.field(description="Which album.")
    slug: str | None = strawberry.field(
        default=strawberry.UNSET, description="1 to 64 of a-z, 0-9 and -; cannot be cleared."
    )
    title: str | None = strawberry.field(
        default=strawberry.UNSET, description="At most 255 characters, not empty; null: the slug."
    )
    description: str | None = strawberry.field(default=strawberry.UNSET, description="At most 5,000 characters.")
    cover_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="One of its images; null: the newest."
    )


@strawberry.type(description="An album was made or changed.")
class AlbumPayload:
    """Answer of createAlbum and updateAlbum."""

    album: Album = strawberry.field(description="The album as it is now.")


@strawberry.type(description="An album was deleted.")
class DeleteAlbumPayload:
    """Answer of deleteAlbum."""

    deleted_id: strawberry.ID = strawberry.field(description="The album's id.")
    images: int = strawberry.field(description="How many images were in it, without drafts and the trash.")
