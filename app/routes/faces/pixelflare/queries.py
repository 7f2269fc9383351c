"""Query parameters of PixelFlare's lists."""

from starlette.datastructures import QueryParams

from app.domain.albums import is_slug
from app.domain.cursors import name_of, read_cursor, write_cursor
from app.domain.listing import NEWEST_FIRST, ImageFilter, Position, TrashView
from app.domain.texts import check_tags
from app.errors import InvalidRequest
from app.services.library.images import PageRequest

DEFAULT_LIMIT, MAX_LIMIT = 50, 100
ALBUM_LIST = "albums"
_FLAGS = {"true": True, "1": True, "false": False, "0": False, "": False}


def read_image_page(query: QueryParams) -> PageRequest:
    """Which part of the list of images is wanted.

    Raises:
        InvalidRequest: `limit` is no number above 0, or `cursor` is none of ours.
    """
    place = read_cursor(query.get("cursor"), "cursor", NEWEST_FIRST, name_of(NEWEST_FIRST))
    return PageRequest(_read_limit(query), beyond=place, wants_count=False)


def read_album_page(query: QueryParams) -> PageRequest:
    """The same for the list of albums."""
    place = read_cursor(query.get("cursor"), "cursor", NEWEST_FIRST, ALBUM_LIST)
    return PageRequest(_read_limit(query), beyond=place)


def write_image_cursor(place: Position) -> str:
    """A place in the list of images."""
    return write_cursor(name_of(NEWEST_FIRST), place)


def write_album_cursor(place: Position) -> str:
    """A place in the list of albums."""
    return write_cursor(ALBUM_LIST, place)


def read_filter(query: QueryParams) -> ImageFilter:
    """Which images are wanted: those that fit all that is given, `tag` more than once too.

    Raises:
        InvalidRequest: a tag cannot be one, or `include_deleted` is neither true nor false.
    """
    album = query.get("album") or None
    with_trash = _FLAGS.get(query.get("include_deleted", "").lower())
    if with_trash is None:
        raise InvalidRequest("include_deleted must be true or false.", details={"field": "include_deleted"})
    return ImageFilter(
        album_slug=album,
        tags=tuple(check_tags([tag for tag in query.getlist("tag") if tag], field="tag")),
        trash=TrashView.INCLUDED if with_trash else TrashView.HIDDEN,
        fits_nothing=album is not None and not is_slug(album),
    )


def _read_limit(query: QueryParams) -> int:
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        message = f"limit must be a whole number from 1 to {MAX_LIMIT}."
        raise InvalidRequest(message, details={"field": "limit"})
    # Who asks for more gets the most there is, and a cursor for the rest.
    return min(int(text), MAX_LIMIT)
