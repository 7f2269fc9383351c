"""What lists of images can be asked for: filters, orders, and places in an order."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.access import Visibility
from app.domain.formats import ImageFormat
from app.domain.metadata_filters import MetadataTest
from app.domain.states import ImageState
from app.ids import AlbumId

OrderValue = datetime | str | int | None
MAX_PAGE, DEFAULT_PAGE = 100, 50


def page_size(first: int | None, last: int | None) -> int:
    """Entries that a page asked for with these arguments may have; null means the same as an absent argument.

    The resolvers and the cost of a document both use it, so that neither counts a page that the other does not.
    """
    given = [size for size in (first, last) if size is not None]
    return max(given) if given else DEFAULT_PAGE


class OrderField(StrEnum):
    """What a list of images is ordered by; the value is the column's name."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    FILENAME = "filename"
    BYTE_SIZE = "byte_size"
    VIEWS = "views"
    TAKEN_AT = "taken_at"


class Direction(StrEnum):
    """From small to large, or the reverse."""

    ASC = "asc"
    DESC = "desc"


@dataclass(frozen=True, slots=True)
class ImageOrder:
    """An order; images that are the same by `field` are ordered by their ids.

    Images without a value (`taken_at` alone may lack one) come last in either direction.
    """

    field: OrderField = OrderField.CREATED_AT
    direction: Direction = Direction.DESC

    @property
    def is_descending(self) -> bool:
        """Large before small?"""
        return self.direction is Direction.DESC


NEWEST_FIRST = ImageOrder()


@dataclass(frozen=True, slots=True)
class Position:
    """A place in an ordered list: between two rows there is always room for one more."""

    value: OrderValue
    """Of the row there, in what the list is ordered by."""
    row_id: UUID


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of an ordered list: at most `limit` rows strictly beyond a place, nearest first."""

    limit: int
    beyond: Position | None = None
    is_backward: bool = False
    """Against the order, from the end."""
    skipped: int = 0
    """So many are passed over first, for clients that count pages; its cost grows with the number."""


class TrashView(StrEnum):
    """Whether a list shows what is in the trash."""

    HIDDEN = "hidden"
    INCLUDED = "included"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Which of an owner's images a list shows: those that fit all of it. Empty tuples and None ask for nothing."""

    album_id: AlbumId | None = None
    album_slug: str | None = None
    has_no_album: bool = False
    tags: tuple[str, ...] = ()
    any_tags: tuple[str, ...] = ()
    words: tuple[str, ...] | None = None
    """Folded beginnings of words, each of which must be found; an empty tuple is found nowhere."""
    creator: str | None = None
    has_no_creator: bool = False
    metadata: tuple[MetadataTest, ...] = ()
    visibility: Visibility | None = None
    is_nsfw: bool | None = None
    states: tuple[ImageState, ...] = ()
    formats: tuple[ImageFormat, ...] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    trash: TrashView = TrashView.HIDDEN
    fits_nothing: bool = False
    """Something was asked for that no image can have, such as an id that is none."""
