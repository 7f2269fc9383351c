"""SQL for the figures of a scrape: each query reads an index, and stops at `MAX_COUNTED` rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import images, upload_sessions, variants
from app.db.variants import UNFINISHED, is_claimed, is_stale
from app.domain.states import SessionState
from app.domain.variants import VariantState

MAX_COUNTED = 10_000
"""Larger counts are reported as this number: an alert needs no more, and a scrape must not read a whole table."""
_OPEN_STATES = (SessionState.OPEN, SessionState.RECEIVING)


@dataclass(frozen=True, slots=True)
class Backlog:
    """Variants in one state, and since when the oldest of them is in it."""

    count: int = 0
    oldest_at: datetime | None = None


async def measure_queue(db: AsyncConnection) -> Mapping[VariantState, Backlog]:
    """The variants of uploaded images that wait (PLANNED) and that a worker has claimed (RENDERING).

    A stale variant, whose old bytes are served until the new ones are ready, counts as one that was never rendered.
    """
    claimed = case((is_claimed(), 1), else_=0)
    since = case((images.c.uploaded_at > variants.c.updated_at, images.c.uploaded_at), else_=variants.c.updated_at)
    unfinished = (
        select(claimed.label("claimed"), since.label("since"))
        .join(images, images.c.id == variants.c.image_id)
        .where(or_(variants.c.state.in_(UNFINISHED), is_stale()), images.c.uploaded_at.is_not(None))
        .limit(MAX_COUNTED)
        .subquery()
    )
    statement = select(unfinished.c.claimed, func.count(), func.min(unfinished.c.since)).group_by(unfinished.c.claimed)
    found = {bool(row[0]): Backlog(int(row[1]), row[2]) for row in await db.execute(statement)}
    return {
        VariantState.PLANNED: found.get(False, Backlog()),
        VariantState.RENDERING: found.get(True, Backlog()),
    }


async def count_open_sessions(db: AsyncConnection) -> Mapping[SessionState, int]:
    """The upload sessions that wait for bytes, and those that receive some."""
    counted = {}
    for state in _OPEN_STATES:
        rows = select(literal(1)).where(upload_sessions.c.state == state).limit(MAX_COUNTED).subquery()
        counted[state] = int((await db.execute(select(func.count()).select_from(rows))).scalar_one())
    return counted
