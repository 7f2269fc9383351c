"""SQL for the identity of an instance: which database and which store belong together."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.instance_tables import ONLY_ROW
from app.db.tables import images, instances
from app.ids import make_uuid


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """The one row of `instances`."""

    id: UUID
    sweeps: int
    """How often the whole store was looked over for orphans."""


async def get_instance(db: AsyncConnection) -> InstanceRecord:
    """The identity of this database, which is made where there is none; in a transaction that writes."""
    values = {"row": ONLY_ROW, "id": make_uuid(), "sweeps": 0}
    kind = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    await db.execute(kind(instances).values(**values).on_conflict_do_nothing())
    found = (await db.execute(select(instances.c.id, instances.c.sweeps))).one()
    return InstanceRecord(found.id, found.sweeps)


async def find_instance_id(db: AsyncConnection) -> UUID | None:
    """The identity of this database; None before the first start."""
    return (await db.execute(select(instances.c.id))).scalar_one_or_none()


async def set_instance(db: AsyncConnection, record: InstanceRecord) -> None:
    """Replace the identity."""
    await db.execute(update(instances).values(id=record.id, sweeps=record.sweeps))


async def count_sweep(db: AsyncConnection) -> InstanceRecord:
    """Count one more sweep; gives what is counted now."""
    counted = update(instances).values(sweeps=instances.c.sweeps + 1).returning(instances.c.id, instances.c.sweeps)
    found = (await db.execute(counted)).one()
    return InstanceRecord(found.id, found.sweeps)


async def list_upload_keys(db: AsyncConnection, *, limit: int) -> list[str]:
    """Object keys of the newest images with bytes; none where no image has any."""
    has_bytes = images.c.upload_key.is_not(None)
    query = select(images.c.upload_key).where(has_bytes).order_by(images.c.id.desc()).limit(limit)
    return list((await db.execute(query)).scalars())
