"""SQL for lists of an owner's images: every filter, every order, pages by keyset, counts."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.image_columns import ColumnNames, columns_named
from app.db.list_statements import Stretch, count_statement, page_statement
from app.db.records import ImageRecord
from app.domain.listing import ImageFilter, ImageOrder, OrderField, Position, Span
from app.ids import AccountId


async def list_images(
    db: AsyncConnection,
    owner_id: AccountId,
    wanted: ImageFilter,
    *,
    order: ImageOrder,
    span: Span,
    names: ColumnNames | None = None,
) -> list[ImageRecord]:
    """The images of a span, nearest first; ordered by TAKEN_AT none can be skipped.

    `names` are the columns that are read, beside the id and what the list is ordered by; None stands for all.
    """
    columns = columns_named(names | {order.field.value} if names is not None else None)
    beyond, is_sqlite = span.beyond, db.dialect.name == "sqlite"
    found: list[ImageRecord] = []
    # Those with a value and those without are two stretches of the list, each read along its own index.
    for is_undated in _stretches(order, beyond, is_backward=span.is_backward):
        here = beyond if beyond is not None and (beyond.value is None) is is_undated else None
        stretch = Stretch(order, is_undated, span.is_backward, is_cut=here is not None)
        values: dict[str, object] = {"owner_id": owner_id, "rows": span.limit - len(found), "skipped": span.skipped}
        if here is not None:
            values["beyond_id"] = here.row_id
            if here.value is not None:
                values["beyond_value"] = here.value
        page = await db.execute(page_statement(wanted, stretch, columns, is_sqlite=is_sqlite), values)
        found += map(columns.record_of, page.all())
        if len(found) >= span.limit:
            break
    return found


async def count_images(db: AsyncConnection, owner_id: AccountId, wanted: ImageFilter) -> int:
    """How many images the filter shows in all."""
    statement = count_statement(wanted, is_sqlite=db.dialect.name == "sqlite")
    count: int = (await db.execute(statement, {"owner_id": owner_id})).scalar_one()
    return count


def _stretches(order: ImageOrder, beyond: Position | None, *, is_backward: bool) -> Sequence[bool]:
    if order.field is not OrderField.TAKEN_AT:
        return (False,)
    both = (True, False) if is_backward else (False, True)
    if beyond is None or (beyond.value is None) is both[0]:
        return both
    return both[1:]
