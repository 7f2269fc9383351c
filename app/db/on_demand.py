"""SQL for variants made on demand: find, begin, hurry and bound them."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_in_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_in_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.records import VariantRecord
from app.db.tables import variants
from app.db.variants import FRESH_COUNTS
from app.domain.variants import Derivative, Family, VariantState
from app.ids import ImageId


def is_free_of(image_id: ImageId) -> ColumnElement[bool]:
    """The free transformations of an image."""
    return and_(variants.c.image_id == image_id, variants.c.options.is_not(None))


async def find_derivative(db: AsyncConnection, image_id: ImageId, derivative: Derivative) -> VariantRecord | None:
    """One variant by its name within the image, made on demand or not."""
    statement = select(variants).where(
        variants.c.image_id == image_id,
        variants.c.family == derivative.family,
        variants.c.size == derivative.size,
    )
    row = (await db.execute(statement)).one_or_none()
    return VariantRecord(*row) if row else None


async def list_ready_families(db: AsyncConnection, image_id: ImageId, size: str) -> frozenset[Family]:
    """In which families an image's variant of this size is READY."""
    statement = select(variants.c.family).where(
        variants.c.image_id == image_id, variants.c.size == size, variants.c.state == VariantState.READY
    )
    return frozenset((await db.execute(statement)).scalars())


async def next_position(db: AsyncConnection, image_id: ImageId) -> int:
    """The place behind all variants of an image; its row must be held."""
    highest = select(func.max(variants.c.position)).where(variants.c.image_id == image_id)
    found: int | None = (await db.execute(highest)).scalar_one()
    return 0 if found is None else found + 1


async def insert_where_absent(db: AsyncConnection, row: Mapping[str, object]) -> bool:
    """Add a variant; False where there is one of its name already, and nothing was changed."""
    kind = insert_in_postgresql if db.dialect.name == "postgresql" else insert_in_sqlite
    return (await db.execute(kind(variants).values(**row).on_conflict_do_nothing())).rowcount == 1


async def hurry(db: AsyncConnection, variant: VariantRecord, *, now: datetime) -> bool:
    """Have a variant that is only planned made before the others; False where it is not, or is hurried already."""
    statement = (
        update(variants)
        .where(variants.c.id == variant.id, variants.c.state == VariantState.PLANNED, variants.c.wanted_at.is_(None))
        .values(wanted_at=now)
    )
    return (await db.execute(statement)).rowcount == 1


async def try_once_more(db: AsyncConnection, variant: VariantRecord, *, now: datetime) -> bool:
    """Give a FAILED variant one new try; its failures stay counted. False where somebody else did."""
    values = {
        "state": VariantState.PLANNED,
        "attempt": variants.c.attempt + 1,
        "error_code": None,
        "error_message": None,
        "not_before": None,
        "lease_until": None,
        "wanted_at": now,
        "updated_at": now,
    }
    statement = (
        update(variants)
        .where(
            variants.c.id == variant.id,
            variants.c.state == VariantState.FAILED,
            variants.c.attempt == variant.attempt,
            variants.c.is_on_demand,
        )
        .values(**values)
    )
    return (await db.execute(statement)).rowcount == 1


async def count_free(db: AsyncConnection, image_id: ImageId) -> int:
    """How many free transformations an image has, in any state."""
    statement = select(func.count()).select_from(variants).where(is_free_of(image_id))
    return int((await db.execute(statement)).scalar_one())


async def list_free(db: AsyncConnection, image_id: ImageId) -> list[VariantRecord]:
    """The free transformations of an image."""
    return [VariantRecord(*row) for row in await db.execute(select(variants).where(is_free_of(image_id)))]


async def delete_oldest_free(db: AsyncConnection, image_id: ImageId, *, count: int) -> tuple[int, list[str]]:
    """Delete those free transformations of an image that were made longest ago and that nobody works on.

    How many went, which may be fewer than `count`, and the keys of the objects that they leave.
    """
    is_final = variants.c.state.in_((VariantState.READY, VariantState.FAILED))
    oldest = (
        select(variants.c.id)
        .where(is_free_of(image_id), is_final, variants.c.lease_until.is_(None))
        .order_by(variants.c.updated_at)
        .limit(count)
    )
    statement = delete(variants).where(variants.c.id.in_(oldest)).returning(variants.c.object_key)
    keys = list((await db.execute(statement)).scalars())
    return len(keys), [key for key in keys if key is not None]


async def delete_on_demand(db: AsyncConnection, image_id: ImageId) -> None:
    """Forget what is only there because it was asked for."""
    await db.execute(delete(variants).where(variants.c.image_id == image_id, variants.c.is_on_demand))


async def adopt(
    db: AsyncConnection, image_id: ImageId, derivatives: Iterable[Derivative], *, revision: int, now: datetime
) -> set[Derivative]:
    """Make ordinary variants of those that are only there because they were asked for; which they were.

    FAILED ones get new tries.
    """
    adopted = set()
    for derivative in derivatives:
        found = await find_derivative(db, image_id, derivative)
        if found is None or not found.is_on_demand:
            continue
        values: dict[str, object] = {"is_on_demand": False, "revision": revision, "updated_at": now}
        if found.state is VariantState.FAILED:
            values |= {**FRESH_COUNTS, "state": VariantState.PLANNED, "attempt": found.attempt + 1}
            values |= dict.fromkeys(("error_code", "error_message", "not_before"))
        await db.execute(update(variants).where(variants.c.id == found.id).values(**values))
        adopted.add(derivative)
    return adopted
