"""Watch an image become ready, and a session become an image: the state now, then every change."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from app.db.engine import Database, utc_now
from app.db.records import SessionRecord, VariantRecord
from app.db.snapshots import ImageSnapshot, read_watched
from app.db.uploads import find_session
from app.domain.access import Principal, Scope
from app.domain.states import ImageState, SessionState
from app.errors import NotFound, SafelightError, UploadExpired
from app.ids import ImageId, SessionId
from app.services.filing.visibility import as_seen_by, may_see
from app.services.watching.feeds import REREAD_S, Feeds, ImageFeed
from app.services.watching.kept_errors import error_of_session


@dataclass(frozen=True, slots=True)
class Readiness:
    """The whole of one image's readiness at one moment, with what changed since the one before."""

    snapshot: ImageSnapshot
    changed: tuple[VariantRecord, ...]


@dataclass(frozen=True, slots=True)
class SessionProgress:
    """A session on its way from open to ready image."""

    session: SessionRecord
    snapshot: ImageSnapshot
    received_bytes: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an image is, for clients that ask again and again."""

    snapshot: ImageSnapshot
    is_complete: bool
    """Nothing is on its way any more, whether it came out well or not."""
    is_failed: bool
    """A variant could not be made, or no bytes will ever come."""


class WatchService:
    """Push, not poll."""

    def __init__(self, database: Database, feeds: Feeds) -> None:
        self._database = database
        self._feeds = feeds

    async def watch_variants(
        self, principal: Principal, image_id: ImageId, *, after: int | None = None
    ) -> AsyncIterator[Readiness]:
        """The readiness now, unless it is the revision `after`; then each newer one, until the image is complete.

        Raises:
            NotFound: there is no such image, or it is not (any longer) the caller's to see.
            UploadExpired: its bytes never came and no longer can.
            SafelightError: the upload was refused; the session's own code.
        """
        async with self._feeds.watching(image_id) as (feed, watcher):
            snapshot = await feed.read_now()
            # An alias: which image's revision the caller saw last, the draft's or this one's, cannot be known.
            seen = after if snapshot is None or snapshot.image.id == image_id else None
            seen_id: ImageId | None = None
            while True:
                current = _visible(principal, snapshot)
                image = current.image
                # Another id than before: a duplicate, whose draft now stands for the image that was there.
                if image.revision != seen or image.id != (seen_id or image.id):
                    yield Readiness(
                        current, _changed_since(current, seen if image.id == (seen_id or image.id) else None)
                    )
                seen, seen_id = image.revision, image.id
                if is_complete(current):
                    return
                _raise_if_hopeless(current)
                await watcher.wait(_patience_s(current))
                snapshot = await _newest(feed, snapshot or current)

    async def watch_session(self, principal: Principal, session_id: SessionId) -> AsyncIterator[SessionProgress]:
        """The session now, then each change of it or of its image, until the image is complete or cannot be any more.

        Raises:
            NotFound: there is no such session, or it is not the caller's.
        """
        session = await self._find_own(principal, session_id)
        async with self._feeds.watching(session.image_id) as (feed, watcher):
            snapshot = await feed.read_now()
            seen: tuple[object, ...] | None = None
            while snapshot is not None and snapshot.session is not None:
                # An image can have had several: its first, and those that replaced its bytes.
                is_newest = snapshot.session.id == session_id
                current = snapshot.session if is_newest else await self._find_own(principal, session_id)
                progress = SessionProgress(current, as_seen_by(principal, snapshot), _received(current, feed))
                mark = (state_of(progress.session), progress.received_bytes, snapshot.image.id, snapshot.image.revision)
                if mark != seen:
                    yield progress
                    seen = mark
                if _is_over(progress):
                    return
                await watcher.wait(_patience_s(snapshot))
                snapshot = await _newest(feed, snapshot)
            raise NotFound("There is no such upload session.")

    async def look(self, principal: Principal, image_id: ImageId) -> Standing:
        """The readiness now, and nothing later.

        Raises:
            NotFound: there is no such image, or it is not the caller's to see.
        """
        async with self._database.read() as db:
            snapshot = _visible(principal, await read_watched(db, image_id))
        session = snapshot.session
        is_hopeless = snapshot.image.is_draft and session is not None and closing_error(session) is not None
        is_failed = is_hopeless or snapshot.image.state is ImageState.FAILED
        return Standing(snapshot, is_complete(snapshot) or is_hopeless, is_failed)

    async def _find_own(self, principal: Principal, session_id: SessionId) -> SessionRecord:
        async with self._database.read() as db:
            session = await find_session(db, session_id)
        if session is not None and (
            principal.upload_session_id == session.id or principal.owns(session.owner_id, Scope.IMAGES_READ)
        ):
            return session
        raise NotFound("There is no such upload session.")


def is_complete(snapshot: ImageSnapshot) -> bool:
    """No planned variant is on its way any more, and no other bytes are waited for."""
    image = snapshot.image
    return image.state in {ImageState.READY, ImageState.FAILED} and image.replacement_id is None


def _visible(principal: Principal, snapshot: ImageSnapshot | None) -> ImageSnapshot:
    # Asked at the start and again at each change: what is made private or deleted ends its strangers' watching.
    if snapshot is None or not may_see(principal, snapshot):
        raise NotFound("There is no such image.")
    return as_seen_by(principal, snapshot)


def _changed_since(snapshot: ImageSnapshot, revision: int | None) -> tuple[VariantRecord, ...]:
    # A revision above the image's own belongs to another image or to a database that was put back: start anew.
    if revision is None or revision > snapshot.image.revision:
        return snapshot.variants
    return tuple(variant for variant in snapshot.variants if variant.revision > revision)


def _raise_if_hopeless(snapshot: ImageSnapshot) -> None:
    if snapshot.image.deleted_at is not None:
        raise NotFound("This image is in the trash, where nothing is made of it. Watch it again when it is restored.")
    session = snapshot.session
    if session is None or not snapshot.image.is_draft:
        return
    error = closing_error(session)
    if error is not None:
        raise error


def state_of(session: SessionRecord) -> SessionState:
    """Where a session is now: the sweep closes it up to 5 s after its time, and until then its row still says OPEN."""
    is_over = session.state is SessionState.OPEN and session.expires_at <= utc_now()
    return SessionState.EXPIRED if is_over else session.state


def closing_error(session: SessionRecord) -> SafelightError | None:
    """Why no image will come of this session; None while one still may, or did."""
    if state_of(session) is SessionState.EXPIRED:
        return UploadExpired("The upload session expired before its file came. Open another one.")
    if session.state is SessionState.CANCELLED:
        return UploadExpired("The upload session was cancelled.")
    if session.state is SessionState.FAILED:
        return error_of_session(session)
    return None


def _patience_s(snapshot: ImageSnapshot) -> float:
    session = snapshot.session
    if session is None or session.state is not SessionState.OPEN:
        return REREAD_S
    # The end of a session's time is no event, so the watcher wakes for it by itself.
    left_s = (session.expires_at - utc_now()).total_seconds()
    return min(REREAD_S, max(0.05, left_s))


async def _newest(feed: ImageFeed, known: ImageSnapshot) -> ImageSnapshot | None:
    if feed.latest is not known:
        return feed.latest
    session = known.session
    # Woken by the clock, not by news: ask the rows where a session has just run out.
    if session is not None and session.state is SessionState.OPEN and session.expires_at <= utc_now():
        return await feed.read_now()
    return known


def _received(session: SessionRecord, feed: ImageFeed) -> int:
    if session.state is SessionState.RECEIVING:
        return max(session.received_bytes, min(feed.received_bytes, session.max_bytes))
    return session.received_bytes


def _is_over(progress: SessionProgress) -> bool:
    if closing_error(progress.session) is not None:
        return True
    return progress.session.state is SessionState.COMPLETED and is_complete(progress.snapshot)
