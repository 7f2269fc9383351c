"""What an account has is counted whole, whatever ends while it is counted; on both databases."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.db.engine import utc_now
from app.db.images import update_image
from app.db.uploads import update_session
from app.domain.plans import Plan
from app.domain.states import OPEN_STATES, ImageState, SessionState
from app.errors import QuotaExceeded
from app.services.uploads.opening import hold_account
from app.services.uploads.quotas import check_quota
from tests.support.db_rows import add_session
from tests.support.library_fixture import Shelf
from tests.support.lock_contention import until_met

pytestmark = pytest.mark.both_set_ups

QUOTA_BYTES = 1000
PLANS = [
    Plan("bytes", QUOTA_BYTES, storage_quota_bytes=QUOTA_BYTES),
    Plan("images", QUOTA_BYTES, max_images=1),
]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
@pytest.mark.parametrize("table", ["images", "upload_sessions"])
async def test_an_upload_that_ends_while_it_is_counted_is_counted(shelf: Shelf, plan: Plan, table: str) -> None:
    owner_id = shelf.me.account_id
    assert owner_id is not None
    draft_id = await shelf.add_image(state=ImageState.AWAITING_UPLOAD, byte_size=QUOTA_BYTES)
    async with shelf.database.write() as db:
        until = utc_now() + timedelta(hours=1)
        session_id = await add_session(db, owner_id, draft_id, reserved_bytes=QUOTA_BYTES, expires_at=until)

    async with shelf.database.write() as ending:
        if not shelf.database.is_sqlite:
            # Whoever counts waits between its two looks, or before both.
            await ending.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        counting = asyncio.create_task(_ask_for_more(shelf, plan))
        await until_met(shelf.database, counting)
        await update_image(ending, draft_id, {"state": ImageState.READY})
        await update_session(ending, session_id, {"state": SessionState.COMPLETED}, only_in=tuple(OPEN_STATES))

    with pytest.raises(QuotaExceeded):
        await counting


async def _ask_for_more(shelf: Shelf, plan: Plan) -> int:
    assert shelf.me.account_id is not None
    async with shelf.database.write() as db:
        account = await hold_account(db, shelf.me.account_id)
        return await check_quota(db, account, plan, needed_bytes=1)
