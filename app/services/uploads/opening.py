"""Make the rows of a new upload session, and of the draft that its bytes become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from app.db.accounts import find_account
from app.db.engine import Transaction, utc_now
from app.db.images import find_image, find_image_by, insert_image, update_image
from app.db.presets import read_presets
from app.db.records import AccountRecord, ImageRecord, SessionRecord
from app.db.snapshots import ImageSnapshot, read_snapshots
from app.db.uploads import find_session, find_session_of_image, insert_session
from app.db.variants import insert_variants
from app.domain.access import Visibility
from app.domain.plans import Plan
from app.domain.policy import resolve_policy
from app.domain.states import SessionState
from app.domain.texts import check_sha256
from app.errors import Conflict, FileTooLarge, InvalidRequest, SafelightError, Unauthorized
from app.ids import AccountId, ImageId, SessionId, hash_secret, make_upload_token, make_uuid
from app.services.accounts.accounts import ACTIVE, preferences_of
from app.services.filing.indexing import index_image
from app.services.filing.places import get_album_id, make_album, settle_filename
from app.services.making.planning import plan_more, planned_rows
from app.services.uploads.drafts import SessionRequest, make_draft
from app.services.uploads.quotas import check_quota, check_unsized
from app.services.uploads.registration import dedupe_key, is_deduplicated
from app.services.watching.image_watching import closing_error

MIN_TTL_S, MAX_TTL_S = 120, 21_600


class OpenedSession(NamedTuple):
    """A new session; its token is told this once."""

    session: SessionRecord
    snapshot: ImageSnapshot
    token: str


@dataclass(frozen=True, slots=True)
class SessionOpener:
    """Opens the sessions of one transaction."""

    db: Transaction
    account: AccountRecord
    plan: Plan
    knows_hashes: bool
    """Do announced bytes that are there already answer at once?"""
    lost_keys: frozenset[str] = frozenset()
    """Objects that the store lost: their bytes must be sent again."""

    async def open_at(self, requests: Sequence[SessionRequest], index: int) -> OpenedSession:
        """Open the session of one of the requests; an error says of which, where there are several."""
        try:
            return await self._open(requests[index])
        except SafelightError as error:
            if len(requests) > 1:
                error.details["index"] = index
            raise

    async def _open(self, request: SessionRequest) -> OpenedSession:
        db, account, now = self.db, self.account, utc_now()
        presets = await read_presets(db, account.id)
        thumbnails = preferences_of(account).thumbnails
        policy = resolve_policy(request.wanted, self.plan, preferences=thumbnails, presets=presets)
        wanted_bytes = self.plan.max_upload_bytes
        if request.file_bytes is not None:
            wanted_bytes = check_file_bytes(request.file_bytes, self.plan)
        image_id = ImageId(make_uuid())
        draft = {"id": image_id, **make_draft(request, account, policy, now=now)}
        session = SessionValues(
            account.id, image_id, wanted_bytes, _check_ttl(request.ttl_s), check_sha256(request.sha256)
        )
        if request.makes_album and request.album_slug is not None:
            await make_album(db, account.id, request.album_slug, now=now)
        album_id = await get_album_id(db, account.id, request.album_id, request.album_slug)
        is_kept_apart = request.is_kept_apart or not is_deduplicated(account, Visibility(str(draft["visibility"])))
        present = None if is_kept_apart else await self._find_known(draft, session.announced_sha256)
        if present is not None:
            await plan_more(db, present, policy.planned)
            await insert_image(db, {**draft, "custom_id": None, "custom_key": None, "alias_of": present.id})
            return await insert_session_of(db, session, known_as=present, now=now)
        is_unsized = request.file_bytes is None and request.source_url is None
        if is_unsized:
            await check_unsized(db, account.id)
        max_bytes = await check_quota(
            db, account, self.plan, needed_bytes=wanted_bytes, may_be_less=request.file_bytes is None
        )
        await _check_custom_id_is_free(db, draft["custom_key"])
        filename = await settle_filename(db, album_id, str(draft["filename"]))
        await insert_image(db, {**draft, "album_id": album_id, "filename": filename})
        await insert_variants(db, planned_rows(session.image_id, policy.planned, now=now))
        more = {
            "source_url": request.source_url,
            "is_kept_apart": is_kept_apart,
            "reserved_bytes": 0 if is_unsized else max_bytes,
        }
        opened = await insert_session_of(db, replace(session, max_bytes=max_bytes), now=now, more=more)
        await index_image(db, opened.snapshot.image)
        return opened

    async def _find_known(self, draft: Mapping[str, object], sha256: str | None) -> ImageRecord | None:
        """The image that has the announced bytes, for sure: one whose verdict is awaited is not known yet."""
        if sha256 is None or not self.knows_hashes:
            return None
        key = dedupe_key(self.account.id, Visibility(str(draft["visibility"])), sha256)
        present = await find_image_by(self.db, dedupe_key=key)
        if present is None or present.is_draft:
            return None
        held = await find_image(self.db, present.id, for_update=True)
        is_known = held is not None and held.dedupe_key == key and held.upload_key not in self.lost_keys
        return held if is_known else None


async def hold_account(db: Transaction, owner_id: AccountId) -> AccountRecord:
    """The account, whose row is held until the commit: parallel sessions cannot reserve the same bytes.

    Raises:
        Unauthorized: it is disabled or gone.
    """
    account = await find_account(db, owner_id, for_update=True)
    if account is None or account.status != ACTIVE:
        raise Unauthorized("This account is disabled.")
    return account


@dataclass(frozen=True, slots=True)
class SessionValues:
    """What a new session is made of."""

    owner_id: AccountId
    image_id: ImageId
    max_bytes: int
    ttl_s: int
    announced_sha256: str | None = None


async def insert_session_of(
    db: Transaction,
    values: SessionValues,
    *,
    now: datetime,
    known_as: ImageRecord | None = None,
    more: Mapping[str, object] | None = None,
) -> OpenedSession:
    """Add a session, OPEN, or COMPLETED from the start where its bytes are `known_as` an image's."""
    token = make_upload_token()
    session_id = SessionId(make_uuid())
    row = {
        "id": session_id,
        "owner_id": values.owner_id,
        "image_id": values.image_id,
        "token_hash": hash_secret(token),
        "state": SessionState.OPEN if known_as is None else SessionState.COMPLETED,
        "expires_at": now + timedelta(seconds=values.ttl_s),
        "max_bytes": values.max_bytes,
        "received_bytes": 0,
        "reserved_bytes": values.max_bytes,
        "sha256": known_as.sha256 if known_as is not None else None,
        "announced_sha256": values.announced_sha256,
        "is_duplicate": known_as is not None,
        "created_at": now,
        "updated_at": now,
    }
    await insert_session(db, {**row, **(more or {})})
    session = await find_session(db, session_id)
    assert session is not None, "it was inserted just now"
    return OpenedSession(session, (await read_snapshots(db, [values.image_id]))[values.image_id], token)


def check_file_bytes(file_bytes: int, plan: Plan) -> int:
    """The announced length, where the plan allows it.

    Raises:
        InvalidRequest: it is none.
        FileTooLarge: it is above the plan's limit.
    """
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


async def _check_custom_id_is_free(db: Transaction, custom_key: object) -> None:
    holder = await find_image_by(db, custom_key=custom_key) if custom_key is not None else None
    if holder is None:
        return
    session = await find_session_of_image(db, holder.id) if holder.is_draft else None
    if session is None:
        raise Conflict("Another image has this customId.", details={"field": "customId"})
    if closing_error(session) is None:
        # Whoever opened it and never heard the answer can find it again, and cancel it.
        details = {"field": "customId", "uploadSessionId": str(session.id)}
        raise Conflict("Another image has this customId.", details=details)
    # A draft that will never become an image does not keep its name from the next try.
    await update_image(db, holder.id, {"custom_id": None, "custom_key": None})
