"""Upload sessions: open one, look at it, cancel it."""

from collections.abc import Sequence
from datetime import timedelta

from app.db.accounts import find_account
from app.db.engine import Database, Transaction, utc_now
from app.db.images import find_image
from app.db.records import SessionRecord
from app.db.replacing import end_replacements
from app.db.snapshots import ImageSnapshot, read_snapshots
from app.db.uploads import (
    find_session,
    find_session_by_token,
    find_sessions,
    reserved_by,
    update_session,
)
from app.domain.access import Principal, Scope, require_account
from app.domain.states import OPEN_STATES, SessionState
from app.errors import Conflict, InvalidRequest, NotFound, Unauthorized
from app.events.bus import EventBus
from app.ids import SessionId, hash_secret
from app.jobs import RenderQueue
from app.services.accounts.accounts import ACTIVE, AccountService
from app.services.filing.visibility import as_seen_by
from app.services.uploads.drafts import SessionRequest
from app.services.uploads.lost_objects import find_lost_uploads
from app.services.uploads.opening import OpenedSession, SessionOpener, hold_account
from app.services.uploads.quotas import check_quota
from app.services.uploads.uploaders import Uploaders, check_may_upload
from app.storage.port import ObjectStore

MAX_SESSIONS_AT_ONCE = 50
READABLE_AFTER_EXPIRY = timedelta(hours=1)
"""How long the upload token still reads and watches its session and image."""


class UploadService:
    """Leave to send files."""

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        accounts: AccountService,
        uploaders: Uploaders,
        bus: EventBus,
        queue: RenderQueue,
    ) -> None:
        self._database = database
        self._store = store
        self._accounts = accounts
        self._uploaders = uploaders
        self._bus = bus
        self._queue = queue

    async def open_sessions(self, principal: Principal, requests: Sequence[SessionRequest]) -> list[OpenedSession]:
        """Reserve room for each file and freeze what will be made of it: all of them or none.

        Nothing is stored yet. Needs the scope IMAGES_WRITE, or a server that lets guests in.

        Raises:
            RateLimited: the plan allows no more of them for the moment.
            FileTooLarge: a file is above the plan's limit.
            QuotaExceeded: the account would pass its plan's bytes or images.
            Conflict: a custom id is taken.
            InvalidRequest: something in a request cannot be; `details.index` says in which, where there are several.
        """
        if not 1 <= len(requests) <= MAX_SESSIONS_AT_ONCE:
            message = f"Between 1 and {MAX_SESSIONS_AT_ONCE} sessions can be opened at once."
            raise InvalidRequest(message, details={"field": "inputs"})
        owner_id = await self._uploaders.admit(principal, count=len(requests))
        # Before the transaction, which must not wait for the store.
        hashes = [request.sha256.lower() for request in requests if request.sha256 is not None]
        lost_keys = await find_lost_uploads(self._database, self._store, owner_id, hashes)
        async with self._database.write() as db:
            account = await hold_account(db, owner_id)
            plan = self._accounts.plan_of(account)
            open_sessions, _ = await reserved_by(db, owner_id, now=utc_now())
            check_may_upload(plan, open_sessions=open_sessions, count=len(requests))
            # Of a guest's hash nobody can tell whether its sender has the bytes too, or only wants to see them.
            knows_hashes = principal.account_id is not None
            opener = SessionOpener(db, account, plan, knows_hashes=knows_hashes, lost_keys=lost_keys)
            opened = [await opener.open_at(requests, index) for index in range(len(requests))]
        await self._set_going([session for session in opened if session.session.is_duplicate])
        return opened

    async def _set_going(self, known: Sequence[OpenedSession]) -> None:
        for opened in known:
            image = opened.snapshot.image
            await self._queue.enqueue(image.id, attempt=0, round_=image.revision)
        await self._bus.publish([opened.snapshot.image.id for opened in known])

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
        return session, as_seen_by(principal, snapshots[session.image_id])

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
        return {key: (session, as_seen_by(principal, snapshots[session.image_id])) for key, session in visible.items()}

    async def cancel(self, principal: Principal, session_id: SessionId) -> tuple[SessionRecord, ImageSnapshot]:
        """Close an open session for good; its reservation is free at once. Needs the scope IMAGES_WRITE.

        Raises:
            NotFound: there is none of the caller's.
            Conflict: it is not OPEN any more.
        """
        owner_id = require_account(principal, Scope.IMAGES_WRITE)
        async with self._database.write() as db:
            session = await find_session(db, session_id)
            if session is None or session.owner_id != owner_id:
                raise NotFound("There is no such upload session.")
            if not await _cancel(db, session):
                raise Conflict(f"The session is {session.state.name}; only an OPEN one can be cancelled.")
        await self._bus.publish([session.image_id])
        return await self.get(principal, session_id)

    async def give_up(self, session: SessionRecord) -> None:
        """Close a session that nobody but the caller knows of and that will get no file; one that is over stays so."""
        async with self._database.write() as db:
            await _cancel(db, session)
        await self._bus.publish([session.image_id])

    async def reserve(self, session: SessionRecord, file_bytes: int) -> None:
        """Keep room for a file that has come, where none was kept as nobody knew its size.

        Raises:
            QuotaExceeded: there is none.
        """
        if session.reserved_bytes >= file_bytes:
            return
        async with self._database.write() as db:
            account = await hold_account(db, session.owner_id)
            plan = self._accounts.plan_of(account)
            # What was kept for an earlier try is none of what others have.
            await update_session(db, session.id, {"reserved_bytes": 0}, only_in=tuple(OPEN_STATES))
            await check_quota(db, account, plan, needed_bytes=file_bytes, is_new_image=False)
            await update_session(db, session.id, {"reserved_bytes": file_bytes}, only_in=tuple(OPEN_STATES))

    async def authenticate(self, token: str) -> tuple[Principal, SessionRecord]:
        """The session that an upload token belongs to, and who holds it.

        Raises:
            Unauthorized: there is no such token, its time to read is over too, or its account is disabled.
        """
        async with self._database.read() as db:
            session = await find_session_by_token(db, hash_secret(token))
            owner = await find_account(db, session.owner_id) if session is not None else None
        is_disabled = owner is None or owner.status != ACTIVE
        if session is None or is_disabled or utc_now() > session.expires_at + READABLE_AFTER_EXPIRY:
            raise Unauthorized("This upload token is unknown or too old. Open another session.")
        return Principal(upload_session_id=session.id, upload_image_id=session.image_id), session


async def _cancel(db: Transaction, session: SessionRecord) -> bool:
    if session.is_replacement:
        # The image before the session, as everywhere: two who lock them in different orders wait for each other.
        await find_image(db, session.image_id, for_update=True)
    now = utc_now()
    values = {"state": SessionState.CANCELLED, "updated_at": now}
    is_open = await update_session(db, session.id, values, only_in=[SessionState.OPEN])
    if is_open:
        await end_replacements(db, [session.id], now=now)
    return is_open


def _may_read(principal: Principal, session: SessionRecord) -> bool:
    return principal.upload_session_id == session.id or principal.owns(session.owner_id, Scope.IMAGES_READ)
