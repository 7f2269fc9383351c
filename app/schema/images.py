"""Images and albums as clients see them, and pages of both. They name each other, so they stand in one file."""

from dataclasses import replace
from datetime import datetime

import strawberry
from strawberry.utils.await_maybe import AwaitableOrValue

from app.context import Info
from app.db.records import AlbumRecord
from app.db.snapshots import ImageSnapshot, stable_path
from app.domain.links import make_pretty_path
from app.domain.listing import ImageOrder as WantedOrder
from app.domain.variants import ORIGINAL
from app.ids import AccountId, AlbumId
from app.schema.arguments import AfterArgument, BeforeArgument, FirstArgument, LastArgument, PrettySizeArgument
from app.schema.node import Node, PageInfo
from app.schema.owners import Owner
from app.schema.pages import (
    FilterArgument,
    OrderArgument,
    album_cursor,
    image_cursor,
    read_filter,
    read_order,
    read_page,
)
from app.schema.scalars import BigInt
from app.schema.selections import fields_below, needed_columns, needs_surroundings, needs_variants
from app.schema.sharing import SharedImage
from app.services.library.albums import AlbumPage, may_see_album
from app.services.library.images import ImagePage, PageRequest


@strawberry.type(description="A picture with all that is made of it. Its id and its stable URLs hold for ever.")
class Image(SharedImage):
    """An image with what surrounds it. What the snapshot has read already is answered at once."""

    @strawberry.field(description="Whose it is.", graphql_type=Owner)
    def owner(self, info: Info) -> AwaitableOrValue[Owner]:
        known = self.snapshot.owner
        return _load_owner(info, self.snapshot.image.owner_id) if known is None else Owner.of(known)

    @strawberry.field(description="Where it is; null in none, and for all but the owner.", graphql_type="Album | None")
    def album(self, info: Info) -> "AwaitableOrValue[Album | None]":
        return album_around(info, self.snapshot)

    @strawberry.field(
        description="Pretty URL {cdn}/{owner}/{album}/{filename}[/{size}], with `_` where there is no album.",
        graphql_type=str,
    )
    def cdn_url(self, info: Info, size: PrettySizeArgument = None) -> AwaitableOrValue[str]:
        snapshot = self.snapshot
        if snapshot.hides_place:
            return info.context.addresses.base_url + stable_path(snapshot, ORIGINAL)
        if snapshot.owner is None or (snapshot.album is None and snapshot.image.album_id is not None):
            return _load_pretty_url(info, snapshot, size)
        return _pretty_url(info, snapshot, snapshot.owner.username, snapshot.album, size)


def image_of(snapshot: ImageSnapshot) -> Image:
    """An image, for clients."""
    return Image(id=strawberry.ID(str(snapshot.image.id)), snapshot=snapshot)


@strawberry.type(description="An image in its place in a list.")
class ImageEdge:
    """An edge."""

    node: Image = strawberry.field(description="The image.")
    order: strawberry.Private[WantedOrder]

    @strawberry.field(description="What `after` and `before` take, in a list of the same order.")
    def cursor(self) -> str:
        return image_cursor(self.node.snapshot.image, self.order)


@strawberry.type(description="A page of images.")
class ImageConnection:
    """A page; what is not asked for is not built."""

    page: strawberry.Private[ImagePage]
    request: strawberry.Private[PageRequest]

    @strawberry.field(description="The images with their cursors.")
    def edges(self) -> list[ImageEdge]:
        return [ImageEdge(node=image_of(snapshot), order=self.request.order) for snapshot in self.page.snapshots]

    @strawberry.field(description="The images alone.")
    def nodes(self) -> list[Image]:
        return [image_of(snapshot) for snapshot in self.page.snapshots]

    @strawberry.field(description="Where the page stands.")
    def page_info(self) -> PageInfo:
        cursors = [image_cursor(snapshot.image, self.request.order) for snapshot in self.page.snapshots]
        return page_info_of(cursors, self.request, has_more=self.page.has_more)

    @strawberry.field(description="How many there are in all.")
    def total_count(self) -> int:
        assert self.page.total_count is not None, "it was asked for, and so it was counted"
        return self.page.total_count


@strawberry.type(description="A named place for images; an image is in one or none. Only its owner sees it.")
class Album(Node):
    """An album's record."""

    record: strawberry.Private[AlbumRecord]

    @strawberry.field(description="1 to 64 of a-z, 0-9 and -; unique among the owner's.")
    def slug(self) -> str:
        return self.record.slug

    @strawberry.field(description="At most 255 characters.")
    def title(self) -> str:
        return self.record.title

    @strawberry.field(description="At most 5,000 characters.")
    def description(self) -> str | None:
        return self.record.description

    @strawberry.field(description="Whose it is.")
    async def owner(self, info: Info) -> Owner:
        return await _load_owner(info, self.record.owner_id)

    @strawberry.field(description="The chosen image while it is in the album, else the newest; null where it is empty.")
    async def cover(self, info: Info) -> Image | None:
        snapshot = await info.context.loaders.covers.load(self.record.id)
        return image_of(snapshot) if snapshot is not None else None

    @strawberry.field(description="Images in it, without drafts and the trash.")
    async def image_count(self, info: Info) -> int:
        size = await info.context.loaders.album_sizes.load(self.record.id)
        return size.images if size is not None else 0

    @strawberry.field(description="Bytes of their uploads.")
    async def byte_size(self, info: Info) -> BigInt:
        size = await info.context.loaders.album_sizes.load(self.record.id)
        return BigInt(size.byte_size if size is not None else 0)

    @strawberry.field(description="Those in it. `first`/`last`: default 50, at most 100. Drafts are not listed.")
    async def images(
        self,
        info: Info,
        first: FirstArgument = None,
        after: AfterArgument = None,
        last: LastArgument = None,
        before: BeforeArgument = None,
        filter: FilterArgument = None,  # noqa: A002  (the contract's name)
        order_by: OrderArgument = None,
    ) -> ImageConnection:
        request = read_page(first, after, last, before, order=read_order(order_by))
        return await load_images(info, request, filter, album_id=self.record.id)

    @strawberry.field(description="When it was made.")
    def created_at(self) -> datetime:
        return self.record.created_at

    @strawberry.field(description="When its own texts or its cover last changed.")
    def updated_at(self) -> datetime:
        return self.record.updated_at


def album_of(record: AlbumRecord) -> Album:
    """An album, for its owner."""
    return Album(id=strawberry.ID(str(record.id)), record=record)


def album_around(info: Info, snapshot: ImageSnapshot) -> AwaitableOrValue[Album | None]:
    """The album that an image is in, at once where it was read with the image."""
    album_id, known = snapshot.image.album_id, snapshot.album
    if album_id is None:
        return None
    return _load_album(info, album_id) if known is None else _visible_album(info, known)


def _visible_album(info: Info, record: AlbumRecord | None) -> Album | None:
    return album_of(record) if record is not None and may_see_album(info.context.principal, record) else None


@strawberry.type(description="An album in its place in the list.")
class AlbumEdge:
    """An edge."""

    node: Album = strawberry.field(description="The album.")

    @strawberry.field(description="What `after` and `before` take.")
    def cursor(self) -> str:
        return album_cursor(self.node.record)


@strawberry.type(description="A page of albums.")
class AlbumConnection:
    """A page, with its count asked for only when it is wanted."""

    page: strawberry.Private[AlbumPage]
    request: strawberry.Private[PageRequest]

    @strawberry.field(description="The albums with their cursors.")
    def edges(self) -> list[AlbumEdge]:
        return [AlbumEdge(node=album_of(record)) for record in self.page.albums]

    @strawberry.field(description="The albums alone.")
    def nodes(self) -> list[Album]:
        return [album_of(record) for record in self.page.albums]

    @strawberry.field(description="Where the page stands.")
    def page_info(self) -> PageInfo:
        cursors = [album_cursor(record) for record in self.page.albums]
        return page_info_of(cursors, self.request, has_more=self.page.has_more)

    @strawberry.field(description="How many there are in all.")
    async def total_count(self, info: Info) -> int:
        return await info.context.services.albums.count(info.context.principal)


def page_info_of(cursors: list[str], request: PageRequest, *, has_more: bool) -> PageInfo:
    """Where a page stands that was read by this request."""
    has_cursor = request.beyond is not None
    return PageInfo(
        has_next_page=has_cursor if request.is_backward else has_more,
        has_previous_page=has_more if request.is_backward else has_cursor,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


async def load_images(
    info: Info, request: PageRequest, asked: FilterArgument, *, album_id: AlbumId | None = None
) -> ImageConnection:
    """A page of the caller's images, with no more of each than the document asks for."""
    wanted = read_filter(asked)
    if album_id is not None:
        # A filter by another album leaves nothing.
        fits_nothing = wanted.fits_nothing or wanted.album_id not in {None, album_id}
        wanted = replace(wanted, album_id=album_id, fits_nothing=fits_nothing)
    names = fields_below(info)
    request = replace(
        request,
        columns=needed_columns(names),
        wants_variants=needs_variants(names),
        wants_surroundings=needs_surroundings(names),
        wants_count="totalCount" in names,
    )
    page = await info.context.services.images.list_page(info.context.principal, request, wanted)
    return ImageConnection(page=page, request=request)


async def _load_owner(info: Info, owner_id: AccountId) -> Owner:
    account = await info.context.loaders.accounts.load(owner_id)
    assert account is not None, "a foreign key holds it"
    return Owner.of(account)


async def _load_album(info: Info, album_id: AlbumId) -> Album | None:
    return _visible_album(info, await info.context.loaders.albums.load(album_id))


async def _load_pretty_url(info: Info, snapshot: ImageSnapshot, size: str | None) -> str:
    owner = await _load_owner(info, snapshot.image.owner_id)
    album_id = snapshot.image.album_id
    album = await info.context.loaders.albums.load(album_id) if album_id is not None else None
    return _pretty_url(info, snapshot, owner.name, album, size)


def _pretty_url(
    info: Info, snapshot: ImageSnapshot, owner_name: str, album: AlbumRecord | None, size: str | None
) -> str:
    slug = album.slug if album is not None else None
    return info.context.addresses.cdn_url + make_pretty_path(owner_name, slug, snapshot.image.filename, size)
