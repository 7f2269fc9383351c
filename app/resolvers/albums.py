"""album, albums, tags; createAlbum, updateAlbum, deleteAlbum."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.context import Info
from app.domain.listing import Position
from app.errors import InvalidRequest
from app.ids import AlbumId
from app.resolvers.arguments import find_id, get_album_id, read_album_change
from app.schema.albums import AlbumPayload, CreateAlbumInput, DeleteAlbumPayload, TagCount, UpdateAlbumInput
from app.schema.arguments import AfterArgument, BeforeArgument, FirstArgument, IdArgument, LastArgument
from app.schema.enums import AlbumDeletion
from app.schema.images import Album, AlbumConnection, album_of
from app.schema.pages import read_album_page


@strawberry.type
class AlbumQueries:
    """Looking at albums and tags."""

    @strawberry.field(description="By exactly one of the arguments. Null where there is none of the caller's.")
    async def album(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its UUID.")] = None,  # noqa: A002  (the contract's name)
        slug: Annotated[str | None, strawberry.argument(description="Its slug.")] = None,
    ) -> Album | None:
        if (id is None) is (slug is None):
            raise InvalidRequest("Ask by exactly one of id and slug.", details={"field": "id"})
        albums, principal = info.context.services.albums, info.context.principal
        if slug is not None:
            record = await albums.find_by_slug(principal, slug)
        else:
            found = find_id(strawberry.ID(id or ""))
            record = await albums.find(principal, AlbumId(found)) if found is not None else None
        return album_of(record) if record is not None else None

    @strawberry.field(description="The caller's own, newest first. `first`/`last`: default 50, at most 100.")
    async def albums(
        self,
        info: Info,
        first: FirstArgument = None,
        after: AfterArgument = None,
        last: LastArgument = None,
        before: BeforeArgument = None,
    ) -> AlbumConnection:
        request = read_album_page(first, after, last, before)
        page = await info.context.services.albums.list_page(
            info.context.principal,
            limit=request.limit,
            beyond=_place_of(request.beyond),
            is_backward=request.is_backward,
        )
        return AlbumConnection(page=page, request=request)

    @strawberry.field(description="Tags of the caller's images, most used first; at most 1,000.")
    async def tags(
        self,
        info: Info,
        prefix: Annotated[str | None, strawberry.argument(description="Only those that begin with this.")] = None,
    ) -> list[TagCount]:
        counts = await info.context.services.albums.count_tags(info.context.principal, prefix)
        return [TagCount(tag=tag, count=count) for tag, count in counts]


@strawberry.type
class AlbumMutations:
    """Making, changing and deleting albums."""

    @strawberry.mutation(description="Makes an album.")
    async def create_album(
        self,
        info: Info,
        input: Annotated[CreateAlbumInput, strawberry.argument(description="The album.")],  # noqa: A002  (the contract's name)
    ) -> AlbumPayload:
        album = await info.context.services.albums.create(
            info.context.principal, slug=input.slug, title=input.title, description=input.description
        )
        return AlbumPayload(album=album_of(album))

    @strawberry.mutation(description="Changes an album; addresses with an old slug lead to the new one.")
    async def update_album(
        self,
        info: Info,
        input: Annotated[UpdateAlbumInput, strawberry.argument(description="What shall change.")],  # noqa: A002  (the contract's name)
    ) -> AlbumPayload:
        album = await info.context.services.albums.update(
            info.context.principal, get_album_id(input.id), read_album_change(input)
        )
        return AlbumPayload(album=album_of(album))

    @strawberry.mutation(description="Deletes an album; its images stay in none, or go into the trash.")
    async def delete_album(
        self,
        info: Info,
        id: IdArgument,  # noqa: A002  (the contract's name)
        mode: Annotated[
            AlbumDeletion, strawberry.argument(description="What becomes of its images.")
        ] = AlbumDeletion.KEEP_IMAGES,
    ) -> DeleteAlbumPayload:
        images = await info.context.services.albums.delete(info.context.principal, get_album_id(id), mode)
        return DeleteAlbumPayload(deleted_id=id, images=images)


def _place_of(beyond: Position | None) -> tuple[datetime, AlbumId] | None:
    if beyond is None:
        return None
    assert isinstance(beyond.value, datetime), "albums are ordered by when they were made"
    return beyond.value, AlbumId(beyond.row_id)
