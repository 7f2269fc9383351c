"""SQL for the small numbers of accounts and albums."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as insert_in_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_in_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import face_numbers


async def find_numbers(db: AsyncConnection, subject_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The numbers of those of these ids that have one."""
    rows = await db.execute(select(face_numbers).where(face_numbers.c.subject_id.in_(subject_ids)))
    return {row.subject_id: row.number for row in rows}


async def add_numbers(db: AsyncConnection, subject_ids: Sequence[UUID]) -> None:
    """Give each of these ids the next number, in their order, unless somebody else was quicker."""
    kind = insert_in_postgresql if db.dialect.name == "postgresql" else insert_in_sqlite
    for subject_id in subject_ids:
        await db.execute(kind(face_numbers).values(subject_id=subject_id).on_conflict_do_nothing())


async def find_numbered(db: AsyncConnection, number: int) -> UUID | None:
    """What has this number, which must fit 32 bits."""
    statement = select(face_numbers.c.subject_id).where(face_numbers.c.number == number)
    found: UUID | None = (await db.execute(statement)).scalar_one_or_none()
    return found
