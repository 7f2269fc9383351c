"""SQL for lists of an owner's images: every filter, every order, pages by keyset, counts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    String,
    Uuid,
    and_,
    false,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from app.db.metadata_tests import holds
from app.db.records import ImageRecord
from app.db.search import has_words
from app.db.tables import albums, image_tags, images
from app.db.types import UTCDateTime
from app.domain.listing import ImageFilter, ImageOrder, OrderField, Position, Span, TrashView
from app.domain.states import ImageState
from app.ids import AccountId

AnySelect = Select[*tuple[Any, ...]]  # of all columns of a table, whose types a Core table does not tell
_VALUE_TYPES: dict[OrderField, TypeEngine[datetime] | TypeEngine[str] | TypeEngine[int]] = {
    OrderField.CREATED_AT: UTCDateTime(),
    OrderField.UPDATED_AT: UTCDateTime(),
    OrderField.TAKEN_AT: UTCDateTime(),
    OrderField.FILENAME: String(),
    OrderField.BYTE_SIZE: BigInteger(),
    OrderField.VIEWS: BigInteger(),
}


async def list_images(
    db: AsyncConnection,
    owner_id: AccountId,
    wanted: ImageFilter,
    *,
    order: ImageOrder,
    span: Span,
) -> list[ImageRecord]:
    """The images of a span, nearest first; ordered by TAKEN_AT none can be skipped."""
    limit, beyond, is_backward = span.limit, span.beyond, span.is_backward
    base = select(images).where(*_conditions(db, owner_id, wanted))
    found: list[ImageRecord] = []
    # Those with a value and those without are two stretches of the list, each read along its own index.
    for is_undated in _stretches(order, beyond, is_backward=is_backward):
        statement = _stretch(base, order, is_undated=is_undated, is_backward=is_backward)
        here = beyond if beyond is not None and (beyond.value is None) is is_undated else None
        if here is not None:
            statement = statement.where(_is_beyond(order, here, is_backward=is_backward))
        page = statement.limit(limit - len(found)).offset(span.skipped)
        found += [ImageRecord._make(row) for row in await db.execute(page)]
        if len(found) >= limit:
            break
    return found


async def count_images(db: AsyncConnection, owner_id: AccountId, wanted: ImageFilter) -> int:
    """How many images the filter shows in all."""
    statement = select(func.count()).select_from(images).where(*_conditions(db, owner_id, wanted))
    count: int = (await db.execute(statement)).scalar_one()
    return count


def is_listed() -> ColumnElement[bool]:
    """An image as lists and counts mean it: no draft, no alias, not in the trash."""
    return and_(images.c.deleted_at.is_(None), _is_image())


def _is_image() -> ColumnElement[bool]:
    return and_(images.c.alias_of.is_(None), images.c.state != ImageState.AWAITING_UPLOAD)


def _stretches(order: ImageOrder, beyond: Position | None, *, is_backward: bool) -> Sequence[bool]:
    if order.field is not OrderField.TAKEN_AT:
        return (False,)
    both = (True, False) if is_backward else (False, True)
    if beyond is None or (beyond.value is None) is both[0]:
        return both
    return both[1:]


def _stretch(base: AnySelect, order: ImageOrder, *, is_undated: bool, is_backward: bool) -> AnySelect:
    column = images.c[order.field.value]
    keys = [images.c.id] if is_undated else [column, images.c.id]
    if order.field is OrderField.TAKEN_AT:
        base = base.where(column.is_(None) if is_undated else column.is_not(None))
    is_descending = order.is_descending is not is_backward
    return base.order_by(*(key.desc() if is_descending else key for key in keys))


def _is_beyond(order: ImageOrder, position: Position, *, is_backward: bool) -> ColumnElement[bool]:
    row_id = literal(position.row_id, Uuid())
    is_descending = order.is_descending is not is_backward
    if position.value is None:
        return images.c.id < row_id if is_descending else images.c.id > row_id
    key = tuple_(images.c[order.field.value], images.c.id)
    bound = tuple_(literal(position.value, _VALUE_TYPES[order.field]), row_id)
    return key < bound if is_descending else key > bound


def _conditions(db: AsyncConnection, owner_id: AccountId, wanted: ImageFilter) -> list[ColumnElement[bool]]:
    # The owner comes first and is never left out: whatever a cursor or a filter says, it says of the owner's own.
    conditions = [images.c.owner_id == owner_id, _is_image(), *_of_place(owner_id, wanted), *_of_facts(wanted)]
    if wanted.trash is not TrashView.INCLUDED:
        is_in_trash = images.c.deleted_at.is_not(None)
        conditions.append(is_in_trash if wanted.trash is TrashView.ONLY else ~is_in_trash)
    for tag in wanted.tags:
        conditions.append(_has_any_tag(owner_id, [tag]))
    if wanted.any_tags:
        conditions.append(_has_any_tag(owner_id, wanted.any_tags))
    if wanted.words is not None:
        conditions.append(has_words(wanted.words, is_sqlite=db.dialect.name == "sqlite"))
    conditions += [holds(test, is_sqlite=db.dialect.name == "sqlite") for test in wanted.metadata]
    if wanted.fits_nothing:
        conditions.append(false())
    return conditions


def _of_place(owner_id: AccountId, wanted: ImageFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.album_id is not None:
        conditions.append(images.c.album_id == wanted.album_id)
    if wanted.album_slug is not None:
        named = select(albums.c.id).where(albums.c.owner_id == owner_id, albums.c.slug == wanted.album_slug)
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


def _has_any_tag(owner_id: AccountId, tags: Sequence[str]) -> ColumnElement[bool]:
    tagged = select(image_tags.c.image_id).where(image_tags.c.owner_id == owner_id, image_tags.c.tag.in_(tags))
    return images.c.id.in_(tagged)
