"""Pages of lists: which part, in which order, and cursors that fit one order alone."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from app.db.records import AlbumRecord, ImageRecord
from app.domain.albums import is_slug
from app.domain.cursors import name_of, read_cursor, write_cursor
from app.domain.formats import MEDIA_TYPES
from app.domain.listing import MAX_PAGE, OrderValue, Position, TrashView, page_size
from app.domain.listing import ImageFilter as WantedImages
from app.domain.listing import ImageOrder as WantedOrder
from app.domain.search import parse_query
from app.domain.texts import MAX_CREATOR_CHARACTERS, check_tags, check_text
from app.errors import InvalidRequest
from app.ids import AlbumId, parse_uuid
from app.schema.enums import Direction, ImageState, OrderField, Visibility
from app.services.library.images import PageRequest

MAX_SEARCH_CHARACTERS = 1_000
ALBUM_ORDER = "albums"


@strawberry.input(description="What a list of images is ordered by. Those that are the same by it follow their ids.")
class ImageOrder:
    """An order."""

    field: OrderField = strawberry.field(default=OrderField.CREATED_AT, description="By what.")
    direction: Direction = strawberry.field(default=Direction.DESC, description="Which end comes first.")


@strawberry.input(
    description="Which images a list shows: those that fit all that is given. An empty list or text asks for nothing."
)
class ImageFilter:
    """A filter."""

    album_id: strawberry.ID | None = strawberry.field(default=None, description="In this album.")
    album_slug: str | None = strawberry.field(default=None, description="In the album of this slug.")
    no_album: bool | None = strawberry.field(default=None, description="True: in no album.")
    tags: list[str] | None = strawberry.field(default=None, description="With all of these.")
    any_tags: list[str] | None = strawberry.field(default=None, description="With at least one of these.")
    search: str | None = strawberry.field(
        default=None,
        description="Words looked for in filename, title, alt, description and tags, at most 1,000 characters. Each of "
        "the first 12 must be the beginning of a word there; case and accents make no difference.",
    )
    creator: str | None = strawberry.field(default=None, description="By exactly this creator.")
    visibility: Visibility | None = strawberry.field(default=None, description="Of this visibility.")
    is_nsfw: bool | None = strawberry.field(default=None, description="Marked so, or not.")
    states: list[ImageState] | None = strawberry.field(default=None, description="In one of these states.")
    content_types: list[str] | None = strawberry.field(
        default=None, description="Whose upload is of one of these media types."
    )
    created_after: datetime | None = strawberry.field(default=None, description="Made later than that.")
    created_before: datetime | None = strawberry.field(default=None, description="Made earlier than that.")
    include_deleted: bool | None = strawberry.field(default=None, description="True: the trash too.")
    only_deleted: bool | None = strawberry.field(default=None, description="True: the trash alone.")


OrderArgument = Annotated[ImageOrder | None, strawberry.argument(description="Omitted: newest first.")]
FilterArgument = Annotated[ImageFilter | None, strawberry.argument(description="Only those that fit all of it.")]


def read_order(asked: ImageOrder | None) -> WantedOrder:
    """The order asked for."""
    return WantedOrder(asked.field, asked.direction) if asked is not None else WantedOrder()


def read_filter(asked: ImageFilter | None) -> WantedImages:
    """The filter asked for.

    Raises:
        InvalidRequest: a text cannot be one; `details.field` names it.
    """
    if asked is None:
        return WantedImages()
    album_id = parse_uuid(asked.album_id) if asked.album_id is not None else None
    known = {media_type: codec for codec, media_type in MEDIA_TYPES.items()}
    return WantedImages(
        album_id=AlbumId(album_id) if album_id is not None else None,
        album_slug=asked.album_slug,
        has_no_album=bool(asked.no_album),
        tags=tuple(check_tags(asked.tags)),
        any_tags=tuple(check_tags(asked.any_tags, field="anyTags")),
        words=_read_words(asked.search),
        creator=check_text(asked.creator, field="creator", max_characters=MAX_CREATOR_CHARACTERS),
        visibility=asked.visibility,
        is_nsfw=asked.is_nsfw,
        states=tuple(asked.states or ()),
        formats=tuple(known[name] for name in asked.content_types if name in known) if asked.content_types else None,
        created_after=asked.created_after,
        created_before=asked.created_before,
        trash=_read_trash(asked),
        fits_nothing=_names_no_album(asked, album_id),
    )


def _names_no_album(asked: ImageFilter, album_id: UUID | None) -> bool:
    is_no_id = asked.album_id is not None and album_id is None
    return is_no_id or (asked.album_slug is not None and not is_slug(asked.album_slug))


def _read_words(search: str | None) -> tuple[str, ...] | None:
    text = check_text(search, field="search", max_characters=MAX_SEARCH_CHARACTERS)
    return tuple(parse_query(text)) if text and text.strip() else None


def _read_trash(asked: ImageFilter) -> TrashView:
    if asked.only_deleted:
        return TrashView.ONLY
    return TrashView.INCLUDED if asked.include_deleted else TrashView.HIDDEN


def read_page(
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    *,
    order: WantedOrder | None = None,
) -> PageRequest:
    """Forwards with `first` and `after`, or backwards with `last` and `before`; never a mixture.

    Raises:
        InvalidRequest: it is a mixture, a number is out of range, or a cursor was made for another order.
    """
    return _read_page((first, after, last, before), order or WantedOrder(), name=None)


def read_album_page(first: int | None, after: str | None, last: int | None, before: str | None) -> PageRequest:
    """The same for the list of albums, which has one order: newest first."""
    return _read_page((first, after, last, before), WantedOrder(), name=ALBUM_ORDER)


def _read_page(
    asked: tuple[int | None, str | None, int | None, str | None], order: WantedOrder, *, name: str | None
) -> PageRequest:
    first, after, last, before = asked
    if (last is not None or before is not None) and (first is not None or after is not None):
        raise InvalidRequest("Ask with first and after, or with last and before.", details={"field": "last"})
    name = name or name_of(order)
    if last is not None or before is not None:
        limit = _check_limit(page_size(None, last), "last")
        return PageRequest(limit, order, read_cursor(before, "before", order, name), is_backward=True)
    limit = _check_limit(page_size(first, None), "first")
    return PageRequest(limit, order, read_cursor(after, "after", order, name))


def _check_limit(limit: int, field: str) -> int:
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidRequest(f"{field} must be between 1 and {MAX_PAGE}.", details={"field": field})
    return limit


def image_cursor(image: ImageRecord, order: WantedOrder) -> str:
    """Where an image is in an order."""
    value: OrderValue = getattr(image, order.field.value)
    return write_cursor(name_of(order), Position(value, image.id))


def album_cursor(album: AlbumRecord) -> str:
    """Where an album is in the list of albums."""
    return write_cursor(ALBUM_ORDER, Position(album.created_at, album.id))
