"""The statements behind lists of images: every filter, every order, pages by keyset.

Building one with SQLAlchemy takes longer than SQLite takes to run it: those of late are kept, without the values that
differ from one request to the next. Whose images are meant is always such a value, and never a part of what is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    String,
    Uuid,
    and_,
    bindparam,
    false,
    func,
    select,
    tuple_,
)
from sqlalchemy.types import TypeEngine

from app.db.image_columns import ImageColumns
from app.db.metadata_tests import holds
from app.db.search import has_words
from app.db.tables import albums, image_tags, images
from app.db.types import UTCDateTime
from app.domain.listing import ImageFilter, ImageOrder, OrderField, TrashView
from app.domain.states import ImageState

AnySelect = Select[*tuple[Any, ...]]  # of columns whose types a Core table does not tell

_OWNER = bindparam("owner_id", type_=Uuid())
_VALUE_TYPES: dict[OrderField, TypeEngine[datetime] | TypeEngine[str] | TypeEngine[int]] = {
    OrderField.CREATED_AT: UTCDateTime(),
    OrderField.UPDATED_AT: UTCDateTime(),
    OrderField.TAKEN_AT: UTCDateTime(),
    OrderField.FILENAME: String(),
    OrderField.BYTE_SIZE: BigInteger(),
    OrderField.VIEWS: BigInteger(),
}
_MAX_KEPT = 256


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a list that is read along one index."""

    order: ImageOrder
    is_undated: bool
    """Those without a value to be ordered by."""
    is_backward: bool
    is_cut: bool
    """Only what is beyond a place: the values `beyond_id` and, where it has one, `beyond_value`."""


def page_statement(wanted: ImageFilter, stretch: Stretch, columns: ImageColumns, *, is_sqlite: bool) -> AnySelect:
    """The images of a stretch, nearest first; its values are `owner_id`, `rows`, `skipped` and those of the cut."""
    # Of the metadata 1, 1.0 and true are as good as equal to Python, and are not to SQL.
    build = _build_page if wanted.metadata else _keep_page
    return build(wanted, stretch, columns, is_sqlite=is_sqlite)


def count_statement(wanted: ImageFilter, *, is_sqlite: bool) -> Select[int]:
    """How many images a filter shows; its value is `owner_id`."""
    build = _build_count if wanted.metadata else _keep_count
    return build(wanted, is_sqlite=is_sqlite)


def is_listed() -> ColumnElement[bool]:
    """An image as lists and counts mean it: no draft, no alias, not in the trash."""
    return and_(images.c.deleted_at.is_(None), _is_image())


def _build_page(wanted: ImageFilter, stretch: Stretch, columns: ImageColumns, *, is_sqlite: bool) -> AnySelect:
    order = stretch.order
    column = images.c[order.field.value]
    statement = select(*columns.selected).where(*_conditions(wanted, is_sqlite=is_sqlite))
    if order.field is OrderField.TAKEN_AT:
        statement = statement.where(column.is_(None) if stretch.is_undated else column.is_not(None))
    if stretch.is_cut:
        statement = statement.where(_is_beyond(stretch))
    keys = [images.c.id] if stretch.is_undated else [column, images.c.id]
    is_descending = order.is_descending is not stretch.is_backward
    ordered = statement.order_by(*(key.desc() if is_descending else key for key in keys))
    return ordered.limit(bindparam("rows", type_=Integer())).offset(bindparam("skipped", type_=Integer()))


def _build_count(wanted: ImageFilter, *, is_sqlite: bool) -> Select[int]:
    return select(func.count()).select_from(images).where(*_conditions(wanted, is_sqlite=is_sqlite))


_keep_page = lru_cache(maxsize=_MAX_KEPT)(_build_page)
_keep_count = lru_cache(maxsize=_MAX_KEPT)(_build_count)


def _is_image() -> ColumnElement[bool]:
    return and_(images.c.alias_of.is_(None), images.c.state != ImageState.AWAITING_UPLOAD)


def _is_beyond(stretch: Stretch) -> ColumnElement[bool]:
    order = stretch.order
    row_id = bindparam("beyond_id", type_=Uuid())
    is_descending = order.is_descending is not stretch.is_backward
    if stretch.is_undated:
        return images.c.id < row_id if is_descending else images.c.id > row_id
    key = tuple_(images.c[order.field.value], images.c.id)
    bound = tuple_(bindparam("beyond_value", type_=_VALUE_TYPES[order.field]), row_id)
    return key < bound if is_descending else key > bound


def _conditions(wanted: ImageFilter, *, is_sqlite: bool) -> list[ColumnElement[bool]]:
    # The owner comes first and is never left out: whatever a cursor or a filter says, it says of the owner's own.
    conditions = [images.c.owner_id == _OWNER, _is_image(), *_of_place(wanted), *_of_facts(wanted)]
    if wanted.trash is not TrashView.INCLUDED:
        is_in_trash = images.c.deleted_at.is_not(None)
        conditions.append(is_in_trash if wanted.trash is TrashView.ONLY else ~is_in_trash)
    for tag in wanted.tags:
        conditions.append(_has_any_tag([tag]))
    if wanted.any_tags:
        conditions.append(_has_any_tag(wanted.any_tags))
    if wanted.words is not None:
        conditions.append(has_words(wanted.words, is_sqlite=is_sqlite))
    conditions += [holds(test, is_sqlite=is_sqlite) for test in wanted.metadata]
    if wanted.fits_nothing:
        conditions.append(false())
    return conditions


def _of_place(wanted: ImageFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.album_id is not None:
        conditions.append(images.c.album_id == wanted.album_id)
    if wanted.album_slug is not None:
        named = select(albums.c.id).where(albums.c.owner_id == _OWNER, albums.c.slug == wanted.album_slug)
        conditions.append(images.c.album_id == named.scalar_subquery())
    if wanted.has_no_album:
        conditions.append(images.c.album_id.is_(None))
    return conditions


def _of_facts(wanted: ImageFilter) -> list[ColumnElement[bool]]:
    pairs = (
        (images.c.creator, wanted.creator),
        (images.c.visibility, wanted.visibility),
        (images.c.is_nsfw, wanted.is_nsfw),
    )
    conditions = [column == value for column, value in pairs if value is not None]
    if wanted.has_no_creator:
        conditions.append(images.c.creator.is_(None))
    if wanted.states:
        conditions.append(images.c.state.in_(wanted.states))
    if wanted.formats is not None:
        conditions.append(images.c.format.in_(wanted.formats))
    if wanted.created_after is not None:
        conditions.append(images.c.created_at > wanted.created_after)
    if wanted.created_before is not None:
        conditions.append(images.c.created_at < wanted.created_before)
    return conditions


def _has_any_tag(tags: Sequence[str]) -> ColumnElement[bool]:
    tagged = select(image_tags.c.image_id).where(image_tags.c.owner_id == _OWNER, image_tags.c.tag.in_(tags))
    return images.c.id.in_(tagged)
