"""A session has one sender at a time, and none once its bytes are an image's."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from app.db.engine import Database
from app.db.failures import RowConflict
from app.db.images import find_image, update_image
from app.db.records import SessionRecord
from app.db.uploads import (
    expire_sessions,
    find_session,
    hold_abandoned,
    list_abandoned,
    take_session,
    update_held_session,
)
from app.domain.states import SessionState
from app.ids import ImageId, SessionId
from tests.support.db_rows import NOW, add_account, add_image, add_session

LEASE = timedelta(seconds=15)
LATER = NOW + LEASE + timedelta(seconds=1)


async def test_of_many_who_take_a_session_at_once_one_has_it(database: Database) -> None:
    session_id, _ = await _add(database)

    taken = await asyncio.gather(*(_take(database, session_id) for _ in range(16)))

    assert sorted(taken) == [False] * 15 + [True]


async def test_a_lease_that_ran_out_is_taken_by_the_next(database: Database) -> None:
    session_id, _ = await _add(database)
    await _take(database, session_id)
    late = await _find(database, session_id)

    assert not await _take(database, session_id)
    assert await _take(database, session_id, later=True)
    assert late.lease_id is not None
    async with database.write() as db:
        assert not await update_held_session(db, session_id, late.lease_id, {"received_bytes": 5})


async def test_a_session_whose_bytes_are_an_image_is_never_taken_again(database: Database) -> None:
    session_id, image_id = await _add(database)
    await _take(database, session_id)
    async with database.write() as db:
        await update_image(db, image_id, {"uploaded_at": NOW})

    assert not await _take(database, session_id, later=True)


async def test_an_abandoned_session_is_held_by_one_and_not_while_its_receiver_lives(database: Database) -> None:
    session_id, _ = await _add(database)
    await _take(database, session_id)
    session = await _find(database, session_id)
    async with database.write() as db:
        assert await list_abandoned(db, now=NOW, limit=10) == []
        assert not await hold_abandoned(db, session, now=NOW)
        assert await list_abandoned(db, now=LATER, limit=10) == [session]
        assert await hold_abandoned(db, session, now=LATER)
    assert await _take(database, session_id, later=True)
    async with database.write() as db:
        assert not await hold_abandoned(db, session, now=LATER + 2 * LEASE)


async def test_sessions_expire_only_while_they_are_open(database: Database) -> None:
    session_id, _ = await _add(database)
    taken_id, _ = await _add(database)
    await _take(database, taken_id)

    async with database.write() as db:
        expired = await expire_sessions(db, now=NOW + timedelta(hours=2))

    assert [(session.id, session.state) for session in expired] == [(session_id, SessionState.EXPIRED)]


async def test_of_many_images_with_the_same_bytes_at_once_one_gets_the_key(database: Database) -> None:
    async with database.write() as db:
        owner_id = await add_account(db)
        drafts = [await add_image(db, owner_id, uploaded_at=None) for _ in range(16)]

    won = await asyncio.gather(*(_claim_key(database, draft) for draft in drafts))

    assert sorted(won) == [False] * 15 + [True]
    async with database.read() as db:
        holders = [image.dedupe_key for draft in drafts if (image := await find_image(db, draft)) and image.dedupe_key]
    assert holders == ["same bytes"]


async def _claim_key(database: Database, image_id: ImageId) -> bool:
    try:
        async with database.write() as db:
            await update_image(db, image_id, {"dedupe_key": "same bytes"})
    except RowConflict:
        return False
    return True


async def _add(database: Database) -> tuple[SessionId, ImageId]:
    async with database.write() as db:
        owner_id = await add_account(db)
        image_id = await add_image(db, owner_id, uploaded_at=None)
        return await add_session(db, owner_id, image_id), image_id


async def _take(database: Database, session_id: SessionId, *, later: bool = False) -> bool:
    now = LATER if later else NOW
    async with database.write() as db:
        return await take_session(db, session_id, lease_id=uuid4(), now=now, lease_until=now + LEASE)


async def _find(database: Database, session_id: SessionId) -> SessionRecord:
    async with database.read() as db:
        session = await find_session(db, session_id)
    assert session is not None
    return session
