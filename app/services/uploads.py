"""Upload sessions: open one, look at it, cancel it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from app.db.accounts import find_account
from app.db.engine import Database, Transaction, utc_now
from app.db.images import find_image_by, insert_image, update_image, usage_of
from app.db.records import AccountRecord, SessionRecord
from app.db.snapshots import ImageSnapshot, read_snapshots
from app.db.uploads import (
    find_session,
    find_session_by_token,
    find_session_of_image,
    find_sessions,
    insert_session,
    reserved_by,
    update_session,
)
from app.db.variants import insert_variants
from app.domain.access import Principal, Scope, require_account
from app.domain.policy import Plan, resolve_policy
from app.domain.states import SessionState
from app.domain.texts import check_sha256
from app.errors import Conflict, FileTooLarge, InvalidRequest, NotFound, QuotaExceeded, SafelightError, Unauthorized
from app.events import EventBus
from app.ids import ImageId, SessionId, hash_secret, make_upload_token, make_uuid
from app.services.accounts import ACTIVE, AccountService, preferences_of
from app.services.drafts import SessionRequest, make_draft
from app.services.planning import planned_rows
from app.services.watching import closing_error

MIN_TTL_S, MAX_TTL_S = 120, 21_600
MAX_SESSIONS_AT_ONCE = 50
READABLE_AFTER_EXPIRY = timedelta(hours=1)
"""How long the upload token still reads and watches its session and image."""


class OpenedSession(NamedTuple):
    """A new session; its token is told this once."""

    session: SessionRecord
    snapshot: ImageSnapshot
    token: str


class UploadService:
    """Leave to send files."""

    def __init__(self, database: Database, accounts: AccountService, bus: EventBus) -> None:
        self._database = database
        self._accounts = accounts
        self._bus = bus

    async def open_sessions(self, principal: Principal, requests: Sequence[SessionRequest]) -> list[OpenedSession]:
        """Reserve room for each file and freeze what will be made of it: all of them or none.

        Nothing is stored yet. Needs the scope IMAGES_WRITE.

        Raises:
            FileTooLarge: a file is above the plan's limit.
            QuotaExceeded: the account would pass its storage quota.
            Conflict: a custom id is taken.
            InvalidRequest: something in a request cannot be; `details.index` says in which, where there are several.
        """
        owner_id = require_account(principal, Scope.IMAGES_WRITE)
        if not 1 <= len(requests) <= MAX_SESSIONS_AT_ONCE:
            message = f"Between 1 and {MAX_SESSIONS_AT_ONCE} sessions can be opened at once."
            raise InvalidRequest(message, details={"field": "inputs"})
        async with self._database.write() as db:
            # The account's row is held until the commit, so that parallel sessions cannot reserve the same bytes.
            account = await find_account(db, owner_id, for_update=True)
            if account is None or account.status != ACTIVE:
                raise Unauthorized("This account is disabled.")
            plan = self._accounts.plan_of(account)
            return [await _open_at(db, account, plan, requests, index) for index in range(len(requests))]

    async def get(self, principal: Principal, session_id: SessionId) -> tuple[SessionRecord, ImageSnapshot]:
        """A session of the caller's, or the one of its upload token.

        Raises:
            NotFound: there is none that the caller may see.
        """
        async with self._database.read() as db:
            session = await find_session(db, session_id)
            if session is None or not _may_read(principal, session):
                raise NotFound("There is no such upload session.")
            snapshots = await read_snapshots(db, [session.image_id])
        return session, snapshots[session.image_id]

    async def get_own(self, session_id: SessionId) -> tuple[SessionRecord, ImageSnapshot]:
        """A session whose token was checked just now."""
        return await self.get(Principal(upload_session_id=session_id), session_id)

    async def get_many(
        self, principal: Principal, session_ids: Sequence[SessionId]
    ) -> dict[SessionId, tuple[SessionRecord, ImageSnapshot]]:
        """Those of these sessions that the caller may see."""
        async with self._database.read() as db:
            found = await find_sessions(db, session_ids)
            visible = {key: session for key, session in found.items() if _may_read(principal, session)}
            snapshots = await read_snapshots(db, [session.image_id for session in visible.values()])
        return {key: (session, snapshots[session.image_id]) for key, session in visible.items()}

    async def cancel(self, principal: Principal, session_id: SessionId) -> tuple[SessionRecord, ImageSnapshot]:
        """Close an open session for good; its reservation is free at once. Needs the scope IMAGES_WRITE.

        Raises:
            NotFound: there is none of the caller's.
            Conflict: it is not OPEN any more.
        """
        owner_id = require_account(principal, Scope.IMAGES_WRITE)
        now = utc_now()
        async with self._database.write() as db:
            session = await find_session(db, session_id)
            if session is None or session.owner_id != owner_id:
                raise NotFound("There is no such upload session.")
            values = {"state": SessionState.CANCELLED, "updated_at": now}
            if not await update_session(db, session_id, values, only_in=[SessionState.OPEN]):
                raise Conflict(f"The session is {session.state.name}; only an OPEN one can be cancelled.")
        await self._bus.publish([session.image_id])
        return await self.get(principal, session_id)

    async def authenticate(self, token: str) -> tuple[Principal, SessionRecord]:
        """The session that an upload token belongs to, and who holds it.

        Raises:
            Unauthorized: there is no such token, or its time to read is over too.
        """
        async with self._database.read() as db:
            session = await find_session_by_token(db, hash_secret(token))
        if session is None or utc_now() > session.expires_at + READABLE_AFTER_EXPIRY:
            raise Unauthorized("This upload token is unknown or too old. Open another session.")
        return Principal(upload_session_id=session.id, upload_image_id=session.image_id), session


async def _open_at(
    db: Transaction, account: AccountRecord, plan: Plan, requests: Sequence[SessionRequest], index: int
) -> OpenedSession:
    try:
        return await _open(db, account, plan, requests[index])
    except SafelightError as error:
        if len(requests) > 1:
            error.details["index"] = index
        raise


async def _open(db: Transaction, account: AccountRecord, plan: Plan, request: SessionRequest) -> OpenedSession:
    now = utc_now()
    policy = resolve_policy(request.wanted, plan, preferences=preferences_of(account).thumbnails)
    max_bytes = _check_file_bytes(request.file_bytes, plan)
    await _check_quota(db, account, plan, needed_bytes=max_bytes)
    draft = make_draft(request, account, policy, now=now)
    await _check_custom_id_is_free(db, draft["custom_key"])
    image_id = ImageId(make_uuid())
    await insert_image(db, {"id": image_id, **draft})
    await insert_variants(db, planned_rows(image_id, policy.planned, now=now))
    token = make_upload_token()
    session_id = SessionId(make_uuid())
    await insert_session(
        db,
        {
            "id": session_id,
            "owner_id": account.id,
            "image_id": image_id,
            "token_hash": hash_secret(token),
            "state": SessionState.OPEN,
            "expires_at": now + timedelta(seconds=_check_ttl(request.ttl_s)),
            "max_bytes": max_bytes,
            "received_bytes": 0,
            "announced_sha256": check_sha256(request.sha256),
            "is_duplicate": False,
            "created_at": now,
            "updated_at": now,
        },
    )
    session = await find_session(db, session_id)
    assert session is not None, "it was inserted just now"
    return OpenedSession(session, (await read_snapshots(db, [image_id]))[image_id], token)


def _may_read(principal: Principal, session: SessionRecord) -> bool:
    return principal.upload_session_id == session.id or principal.owns(session.owner_id, Scope.IMAGES_READ)


def _check_file_bytes(file_bytes: int, plan: Plan) -> int:
    if file_bytes <= 0:
        raise InvalidRequest("fileSize must be above 0.", details={"field": "fileSize"})
    if file_bytes > plan.max_upload_bytes:
        limit = {"maxBytes": plan.max_upload_bytes}
        raise FileTooLarge(f"A file may have at most {plan.max_upload_bytes} bytes here.", details=limit)
    return file_bytes


def _check_ttl(ttl_s: int) -> int:
    if not MIN_TTL_S <= ttl_s <= MAX_TTL_S:
        message = f"expiresIn must be between {MIN_TTL_S} and {MAX_TTL_S} seconds."
        raise InvalidRequest(message, details={"field": "expiresIn"})
    return ttl_s


async def _check_quota(db: Transaction, account: AccountRecord, plan: Plan, *, needed_bytes: int) -> None:
    if plan.storage_quota_bytes is None:
        return
    _, stored_bytes = await usage_of(db, account.id)
    _, reserved_bytes = await reserved_by(db, account.id)
    remaining = plan.storage_quota_bytes - stored_bytes - reserved_bytes
    if needed_bytes > remaining:
        facts = {"remaining": max(0, remaining), "needed": needed_bytes}
        raise QuotaExceeded("The account's storage is used up. Delete images or open smaller sessions.", details=facts)


async def _check_custom_id_is_free(db: Transaction, custom_key: object) -> None:
    holder = await find_image_by(db, custom_key=custom_key) if custom_key is not None else None
    if holder is None:
        return
    session = await find_session_of_image(db, holder.id) if holder.is_draft else None
    if session is None or closing_error(session) is None:
        raise Conflict("Another image has this customId.", details={"field": "customId"})
    # A draft that will never become an image does not keep its name from the next try.
    await update_image(db, holder.id, {"custom_id": None, "custom_key": None})
