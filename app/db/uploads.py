"""SQL for upload sessions: open, take, finish, expire."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.records import SessionRecord
from app.db.tables import images, upload_sessions
from app.domain.states import OPEN_STATES, SessionState
from app.errors import SafelightError
from app.ids import AccountId, ImageId, SessionId

sessions = upload_sessions


async def insert_session(db: AsyncConnection, values: Mapping[str, object]) -> None:
    """Add a session."""
    await db.execute(insert(sessions).values(**values))


async def find_session(db: AsyncConnection, session_id: SessionId) -> SessionRecord | None:
    """The session of this id."""
    row = (await db.execute(select(sessions).where(sessions.c.id == session_id))).one_or_none()
    return SessionRecord(*row) if row else None


async def find_session_by_token(db: AsyncConnection, token_hash: str) -> SessionRecord | None:
    """The session whose upload token has this hash."""
    row = (await db.execute(select(sessions).where(sessions.c.token_hash == token_hash))).one_or_none()
    return SessionRecord(*row) if row else None


async def find_sessions(db: AsyncConnection, session_ids: Sequence[SessionId]) -> dict[SessionId, SessionRecord]:
    """Those of the ids that exist."""
    rows = await db.execute(select(sessions).where(sessions.c.id.in_(session_ids)))
    return {row.id: SessionRecord(*row) for row in rows}


async def find_session_of_image(db: AsyncConnection, image_id: ImageId) -> SessionRecord | None:
    """The newest session whose bytes become, or became, this image."""
    statement = select(sessions).where(sessions.c.image_id == image_id).order_by(sessions.c.created_at.desc()).limit(1)
    row = (await db.execute(statement)).first()
    return SessionRecord(*row) if row else None


async def take_session(
    db: AsyncConnection,
    session_id: SessionId,
    *,
    lease_id: UUID,
    now: datetime,
    lease_until: datetime,
    received_bytes: int = 0,
) -> bool:
    """Claim the right to send the bytes: true for exactly one caller at a time, and never once an image has them.

    Whoever comes with the lease that stands there has it already.
    """
    is_lost = or_(sessions.c.lease_until < now, sessions.c.lease_id == lease_id)
    is_free = or_(
        sessions.c.state == SessionState.OPEN,
        and_(sessions.c.state == SessionState.RECEIVING, is_lost),
    )
    statement = (
        update(sessions)
        .where(sessions.c.id == session_id, is_free, ~_is_registered(), sessions.c.expires_at > now)
        .values(
            state=SessionState.RECEIVING,
            lease_id=lease_id,
            lease_until=lease_until,
            received_bytes=received_bytes,
            updated_at=now,
        )
    )
    return (await db.execute(statement)).rowcount == 1


def _is_registered() -> ColumnElement[bool]:
    # Of a replacement the image has bytes all the time; its own are in once they are staged.
    is_filled = exists().where(images.c.id == sessions.c.image_id, images.c.uploaded_at.is_not(None))
    return or_(and_(~sessions.c.is_replacement, is_filled), sessions.c.staged_key.is_not(None))


def _is_held(session_id: SessionId, lease_id: UUID) -> ColumnElement[bool]:
    return and_(
        sessions.c.id == session_id,
        sessions.c.state == SessionState.RECEIVING,
        sessions.c.lease_id == lease_id,
    )


async def update_held_session(
    db: AsyncConnection, session_id: SessionId, lease_id: UUID, values: Mapping[str, object]
) -> bool:
    """Set columns of a session that is still being received under this lease; False where it is not."""
    statement = update(sessions).where(_is_held(session_id, lease_id)).values(**values)
    return (await db.execute(statement)).rowcount == 1


async def update_session(
    db: AsyncConnection, session_id: SessionId, values: Mapping[str, object], *, only_in: Sequence[SessionState]
) -> bool:
    """Set columns of a session that is in one of these states; False where it is in another."""
    statement = update(sessions).where(sessions.c.id == session_id, sessions.c.state.in_(only_in)).values(**values)
    return (await db.execute(statement)).rowcount == 1


async def complete_receiving(db: AsyncConnection, image_id: ImageId, *, now: datetime) -> bool:
    """Answer the session whose bytes this image has; False where it was answered before."""
    statement = (
        update(sessions)
        .where(_is_awaited(image_id))
        .values(state=SessionState.COMPLETED, lease_id=None, lease_until=None, updated_at=now)
    )
    return (await db.execute(statement)).rowcount == 1


async def fail_receiving(db: AsyncConnection, image_id: ImageId, *, error: SafelightError, now: datetime) -> bool:
    """Close the session that waits for the verdict on this image; False where it was answered before."""
    statement = (
        update(sessions)
        .where(_is_awaited(image_id))
        .values(
            state=SessionState.FAILED,
            lease_id=None,
            lease_until=None,
            error_code=error.code.value,
            error_message=error.message,
            error_details=error.details,
            updated_at=now,
        )
    )
    return (await db.execute(statement)).rowcount == 1


def _is_awaited(image_id: ImageId) -> ColumnElement[bool]:
    # A replacement is not what the image's own bytes are waited for with.
    return and_(
        sessions.c.image_id == image_id,
        sessions.c.state == SessionState.RECEIVING,
        ~sessions.c.is_replacement,
    )


async def list_abandoned(db: AsyncConnection, *, now: datetime, limit: int) -> list[SessionRecord]:
    """Sessions whose receiver was lost; those whose bytes are staged wait for a worker, and have none."""
    is_lost = and_(
        sessions.c.state == SessionState.RECEIVING, sessions.c.lease_until < now, sessions.c.staged_key.is_(None)
    )
    return [SessionRecord(*row) for row in await db.execute(select(sessions).where(is_lost).limit(limit))]


async def hold_abandoned(db: AsyncConnection, session: SessionRecord, *, now: datetime) -> bool:
    """Hold a session's row until the transaction ends; False where its receiver lives after all."""
    statement = (
        update(sessions)
        .where(sessions.c.id == session.id, sessions.c.state == SessionState.RECEIVING)
        .where(sessions.c.lease_id == session.lease_id, sessions.c.lease_until < now)
        .where(sessions.c.staged_key.is_(None))
        .values(updated_at=now)
    )
    return (await db.execute(statement)).rowcount == 1


async def list_imports(db: AsyncConnection, *, now: datetime, limit: int) -> list[SessionRecord]:
    """Sessions whose URL nobody fetches just now, and somebody should, the oldest first."""
    is_lost = and_(sessions.c.state == SessionState.RECEIVING, sessions.c.lease_until < now)
    statement = (
        select(sessions)
        .where(sessions.c.source_url.is_not(None), or_(sessions.c.state == SessionState.OPEN, is_lost))
        .where(~_is_registered(), sessions.c.expires_at > now)
        .order_by(sessions.c.created_at)
        .limit(limit)
    )
    return [SessionRecord(*row) for row in await db.execute(statement)]


async def count_imports(db: AsyncConnection, owner_id: AccountId) -> int:
    """How many imports of an owner are not over."""
    statement = select(func.count()).where(
        sessions.c.owner_id == owner_id, sessions.c.source_url.is_not(None), sessions.c.state.in_(OPEN_STATES)
    )
    return int((await db.execute(statement)).scalar_one())


async def expire_sessions(db: AsyncConnection, *, now: datetime) -> list[SessionRecord]:
    """Close open sessions whose time is over; those that were closed."""
    statement = (
        update(sessions)
        .where(sessions.c.state == SessionState.OPEN, sessions.c.expires_at <= now)
        .values(state=SessionState.EXPIRED, updated_at=now)
        .returning(*sessions.c)
    )
    return [SessionRecord(*row) for row in await db.execute(statement)]


async def count_unsized(db: AsyncConnection, owner_id: AccountId, *, now: datetime) -> int:
    """How many sessions of an owner are open whose files may have any size."""
    statement = select(func.count()).where(_is_alive(owner_id, now), sessions.c.reserved_bytes == 0)
    return int((await db.execute(statement)).scalar_one())


async def reserved_by(db: AsyncConnection, owner_id: AccountId, *, now: datetime) -> tuple[int, int]:
    """How many sessions of an owner are open, and the bytes that are kept free for them."""
    statement = select(func.count(), func.coalesce(func.sum(sessions.c.reserved_bytes), 0))
    count, reserved_bytes = (await db.execute(statement.where(_is_alive(owner_id, now)))).one()
    return int(count), int(reserved_bytes)


def _is_alive(owner_id: AccountId, now: datetime) -> ColumnElement[bool]:
    # Not those whose time is over, though the sweep has not come by yet.
    is_in_time = or_(sessions.c.state == SessionState.RECEIVING, sessions.c.expires_at > now)
    return and_(sessions.c.owner_id == owner_id, sessions.c.state.in_(OPEN_STATES), is_in_time)
