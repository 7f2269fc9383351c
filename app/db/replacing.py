"""SQL for replacements: sessions whose bytes take the place of those of an image that is there."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.records import SessionRecord
from app.db.tables import images
from app.db.tables import upload_sessions as sessions
from app.domain.states import SessionState
from app.ids import ImageId


async def end_replacements(db: AsyncConnection, session_ids: Collection[UUID], *, now: datetime) -> list[ImageId]:
    """Let the images that wait for one of these sessions wait no longer; which they were. Each counts a change."""
    if not session_ids:
        return []
    statement = (
        update(images)
        .where(images.c.replacement_id.in_(session_ids))
        .values(replacement_id=None, revision=images.c.revision + 1, updated_at=now)
        .returning(images.c.id)
    )
    return list((await db.execute(statement)).scalars())


async def hold_overdue(db: AsyncConnection, *, now: datetime) -> None:
    """Hold the images that wait for a session whose time is over, in the order of their ids."""
    is_over = (sessions.c.is_replacement, sessions.c.state == SessionState.OPEN, sessions.c.expires_at <= now)
    waiting = images.c.id.in_(select(sessions.c.image_id).where(*is_over))
    await db.execute(select(images.c.id).where(waiting).order_by(images.c.id).with_for_update())


async def claim_staged(
    db: AsyncConnection, image_id: ImageId, *, now: datetime, lease_until: datetime
) -> SessionRecord | None:
    """Take the replacement of an image whose bytes wait for their verdict; None where there is none to be had."""
    statement = (
        update(sessions)
        .where(sessions.c.image_id == image_id, _is_waiting(now))
        .values(staged_tries=sessions.c.staged_tries + 1, lease_until=lease_until)
        .returning(*sessions.c)
    )
    row = (await db.execute(statement)).one_or_none()
    return SessionRecord(*row) if row else None


async def update_staged(db: AsyncConnection, session: SessionRecord, values: Mapping[str, object]) -> bool:
    """Set columns of a replacement that is still claimed by whoever holds this record; False where it is not."""
    statement = (
        update(sessions)
        .where(sessions.c.id == session.id, _is_staged(), sessions.c.staged_tries == session.staged_tries)
        .values(**values)
    )
    return (await db.execute(statement)).rowcount == 1


async def list_staged(db: AsyncConnection, *, now: datetime, limit: int) -> list[SessionRecord]:
    """Replacements that somebody should be looking at now, the longest waiting first."""
    statement = select(sessions).where(_is_waiting(now)).order_by(sessions.c.updated_at).limit(limit)
    return [SessionRecord(*row) for row in await db.execute(statement)]


def _is_staged() -> ColumnElement[bool]:
    return and_(sessions.c.state == SessionState.RECEIVING, sessions.c.staged_key.is_not(None))


def _is_waiting(now: datetime) -> ColumnElement[bool]:
    return and_(_is_staged(), or_(sessions.c.lease_until.is_(None), sessions.c.lease_until < now))
