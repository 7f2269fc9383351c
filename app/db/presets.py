"""SQL for the owners' own presets."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.records import PresetRecord
from app.db.tables import variant_presets as presets
from app.domain.variants import BUILT_IN_PRESETS, DEFAULT_QUALITY, Preset
from app.ids import AccountId, PresetId


async def list_presets(db: AsyncConnection, owner_id: AccountId) -> list[PresetRecord]:
    """All of an owner's own, by name."""
    rows = await db.execute(select(presets).where(presets.c.owner_id == owner_id).order_by(presets.c.name))
    return [PresetRecord(*row) for row in rows]


async def find_preset(db: AsyncConnection, owner_id: AccountId, name: str) -> PresetRecord | None:
    """The owner's own preset of this name."""
    statement = select(presets).where(presets.c.owner_id == owner_id, presets.c.name == name)
    row = (await db.execute(statement)).one_or_none()
    return PresetRecord(*row) if row else None


async def find_preset_by_id(db: AsyncConnection, preset_id: UUID) -> PresetRecord | None:
    """The preset of this id, whosever it is."""
    row = (await db.execute(select(presets).where(presets.c.id == preset_id))).one_or_none()
    return PresetRecord(*row) if row else None


async def insert_preset(db: AsyncConnection, values: Mapping[str, object]) -> None:
    """Add a preset."""
    await db.execute(insert(presets).values(**values))


async def update_preset(db: AsyncConnection, preset_id: PresetId, values: Mapping[str, object]) -> None:
    """Set columns of a preset."""
    await db.execute(update(presets).where(presets.c.id == preset_id).values(**values))


async def delete_preset(db: AsyncConnection, preset_id: PresetId) -> None:
    """Remove a preset; what was made with it is another matter."""
    await db.execute(delete(presets).where(presets.c.id == preset_id))


def preset_of(record: PresetRecord) -> Preset:
    """The rule that a row keeps."""
    return Preset(
        record.name,
        record.fit,
        record.width_px,
        record.height_px,
        quality=record.quality if record.quality is not None else DEFAULT_QUALITY,
        metadata=record.keeps_metadata,
        never_require_signed_urls=record.never_require_signed_urls,
        browser_ttl_s=record.browser_ttl_s,
    )


async def read_presets(db: AsyncConnection, owner_id: AccountId) -> dict[str, Preset]:
    """Every size that an owner may ask for, by its name: the built-in ones and the owner's own."""
    return BUILT_IN_PRESETS | {record.name: preset_of(record) for record in await list_presets(db, owner_id)}
