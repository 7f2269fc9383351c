"""Uploads of one request: a session is opened, gets its file, and is closed where that does not come."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from app.db.records import SessionRecord
from app.domain.access import Principal
from app.errors import SafelightError
from app.services.uploads.drafts import SessionRequest
from app.services.uploads.opening import OpenedSession
from app.services.uploads.reception import Reception, ReceptionService, Sending
from app.services.uploads.sessions import UploadService


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file on its way, whose session is still to be opened; the fields are those of `Sending`."""

    chunks: AsyncIterator[bytes]
    announced_bytes: int | None = None
    framing_bytes: int = 0
    sent_filename: Callable[[], str | None] = lambda: None


class AtOnceService:
    """For clients that know no sessions: what they send becomes an image, or leaves nothing behind."""

    def __init__(self, uploads: UploadService, reception: ReceptionService) -> None:
        self._uploads = uploads
        self._reception = reception

    async def receive(self, principal: Principal, request: SessionRequest, incoming: Incoming) -> Reception:
        """Take a file. Nothing of it is read before the caller's rates and quota have let it in.

        Raises:
            What opening a session raises, and what receiving its file does.
        """
        async with opened_for_once(self._uploads, principal, request) as opened:
            sending = Sending(
                session_id=opened.session.id,
                token=opened.token,
                chunks=incoming.chunks,
                announced_bytes=incoming.announced_bytes,
                framing_bytes=incoming.framing_bytes,
                sent_filename=incoming.sent_filename,
            )
            return await self._reception.receive(sending)


@contextlib.asynccontextmanager
async def opened_for_once(
    uploads: UploadService, principal: Principal, request: SessionRequest
) -> AsyncIterator[OpenedSession]:
    """A session whose file comes within the context, or never: one that fails is given up.

    Raises:
        What opening a session raises.
    """
    (opened,) = await uploads.open_sessions(principal, [request])
    try:
        yield opened
    except BaseException:
        # Nobody has its token to try again: what it reserved is free at once, not when it expires. Shielded, as a
        # request that was cancelled must still be able to say so.
        await asyncio.shield(_give_up(uploads, opened.session))
        raise


async def _give_up(uploads: UploadService, session: SessionRecord) -> None:
    # A database that is away forgets it at its expiry.
    with contextlib.suppress(SafelightError):
        await uploads.give_up(session)
