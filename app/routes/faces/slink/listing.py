"""What Slink's lists are asked for: pages by number or by cursor, orders, searches."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from starlette.requests import Request

from app.db.records import AccountRecord, ImageRecord
from app.domain.cursors import name_of, read_cursor, write_cursor
from app.domain.listing import Direction, ImageFilter, ImageOrder, OrderField, Position
from app.domain.search import parse_query
from app.domain.texts import check_text
from app.errors import InvalidRequest
from app.services.library.images import ImagePage, PageRequest

DEFAULT_LIMIT, MAX_LIMIT = 10, 100
"""Slink's document names no most; asked for more, a page has as many as this and says so in `meta.size`."""
HISTORY_LIMIT = 12
MAX_PAGE = 1_000_000
MAX_SEARCH_CHARACTERS = 1_000
ORDERS = {
    "attributes.updatedAt": OrderField.UPDATED_AT,
    "attributes.createdAt": OrderField.CREATED_AT,
    "attributes.fileName": OrderField.FILENAME,
    "attributes.views": OrderField.VIEWS,
    "metadata.size": OrderField.BYTE_SIZE,
}
SEARCHES = ("user", "description", "hashtag")
# A cursor is base64url and has no dot.
_BACKWARD = "prev."
_DIRECTIONS = {"desc": Direction.DESC, "asc": Direction.ASC}

ChoiceT = TypeVar("ChoiceT")


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One request for a list."""

    page: int
    request: PageRequest
    wanted: ImageFilter
    owner_term: str | None = None
    """Who is looked for; None where owners make no difference."""

    def narrowed_to(self, owner: AccountRecord) -> ImageFilter:
        """The filter for a list of this owner's images: all of them or none, where somebody is looked for."""
        if self.owner_term is None:
            return self.wanted
        names = (owner.username, owner.display_name or "")
        is_meant = any(self.owner_term.casefold() in name.casefold() for name in names)
        return replace(self.wanted, fits_nothing=not is_meant)


def read_list(request: Request) -> ListQuery:
    """What `/api/images/{page}` is asked for.

    Raises:
        InvalidRequest: a parameter cannot be; `details.field` names it.
    """
    query = request.query_params
    page = read_page(request)
    limit = min(_read_number(query, "limit", DEFAULT_LIMIT), MAX_LIMIT)
    field = _read_choice(query, "orderBy", ORDERS, default="attributes.updatedAt")
    order = ImageOrder(field, _read_choice(query, "order", _DIRECTIONS, default="desc"))
    cursor = query.get("cursor") or None
    is_backward = cursor is not None and cursor.startswith(_BACKWARD)
    beyond = read_cursor(cursor.removeprefix(_BACKWARD) if cursor else None, "cursor", order, name_of(order))
    # A cursor says where to go on, so that the page's number is decoration beside it.
    skipped = (page - 1) * limit if cursor is None else 0
    asked = PageRequest(limit, order, beyond, is_backward=is_backward, wants_variants=False, skipped=skipped)
    wanted, owner_term = _read_search(query)
    return ListQuery(page, asked, wanted, owner_term)


def read_history(request: Request) -> ListQuery:
    """What `/api/images/history/{page}` is asked for.

    Raises:
        InvalidRequest: the page is none.
    """
    page = read_page(request)
    asked = PageRequest(HISTORY_LIMIT, wants_variants=False, skipped=(page - 1) * HISTORY_LIMIT)
    return ListQuery(page, asked, ImageFilter())


def read_page(request: Request) -> int:
    """The number in the path, from 1.

    Raises:
        InvalidRequest: it is none.
    """
    page = _read_number(request.path_params, "page", 1)
    if page > MAX_PAGE:
        raise InvalidRequest(f"page may be at most {MAX_PAGE}.", details={"field": "page"})
    return page


def write_meta(query: ListQuery, page: ImagePage, *, has_cursors: bool) -> dict[str, object]:
    """The `meta` of a list."""
    meta: dict[str, object] = {"size": query.request.limit, "page": query.page, "total": page.total_count}
    if not has_cursors:
        return meta
    asked = query.request
    is_first = asked.beyond is None and asked.skipped == 0
    has_next = True if asked.is_backward else page.has_more
    has_previous = page.has_more if asked.is_backward else not is_first
    ends = [page.snapshots[0].image, page.snapshots[-1].image] if page.snapshots else None
    meta["nextCursor"] = _cursor(ends[1], asked.order) if ends and has_next else None
    meta["prevCursor"] = _BACKWARD + _cursor(ends[0], asked.order) if ends and has_previous else None
    return meta


def _cursor(image: ImageRecord, order: ImageOrder) -> str:
    return write_cursor(name_of(order), Position(getattr(image, order.field.value), image.id))


def _read_search(query: Mapping[str, str]) -> tuple[ImageFilter, str | None]:
    term = check_text(query.get("searchTerm"), field="searchTerm", max_characters=MAX_SEARCH_CHARACTERS)
    search_by = _read_choice(query, "searchBy", {name: name for name in SEARCHES}, default="description")
    if not term or not term.strip():
        return ImageFilter(), None
    if search_by == "user":
        return ImageFilter(), term.strip()
    # Tags are among an image's words, and so are the hashtags of its description.
    return ImageFilter(words=tuple(parse_query(term))), None


def _read_choice(query: Mapping[str, str], field: str, choices: Mapping[str, ChoiceT], *, default: str) -> ChoiceT:
    name = query.get(field) or default
    if name not in choices:
        raise InvalidRequest(f"{field} must be one of {', '.join(choices)}.", details={"field": field})
    return choices[name]


def _read_number(values: Mapping[str, str], field: str, default: int) -> int:
    text = values.get(field)
    if text is None or text == "":
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= 1):
        raise InvalidRequest(f"{field} must be a whole number from 1.", details={"field": field})
    return int(text)
