"""Uploads of one form, whose fields may follow its file: the bytes are taken first, and the session opened then."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from app.db.engine import Database
from app.domain.access import Principal, Scope, require_account
from app.errors import FileTooLarge
from app.events.bus import EventBus
from app.services.accounts.accounts import AccountService
from app.services.uploads.at_once import opened_for_once
from app.services.uploads.drafts import SessionRequest
from app.services.uploads.leases import take_lease
from app.services.uploads.reception import Reception, ReceptionService
from app.services.uploads.sessions import UploadService
from app.services.uploads.spool import SpooledFile, spooling
from app.telemetry import UPLOAD_BYTES


class FormUploadService:
    """For clients that send a file and what they say of it together, in whatever order."""

    def __init__(
        self,
        database: Database,
        bus: EventBus,
        accounts: AccountService,
        uploads: UploadService,
        reception: ReceptionService,
        *,
        scratch_dir: Path,
    ) -> None:
        self._database = database
        self._bus = bus
        self._accounts = accounts
        self._uploads = uploads
        self._reception = reception
        self._scratch_dir = scratch_dir

    @contextlib.asynccontextmanager
    async def spooled(
        self,
        principal: Principal,
        chunks: AsyncIterator[bytes],
        *,
        announced_bytes: int | None = None,
        framing_bytes: int = 0,
    ) -> AsyncIterator[SpooledFile | None]:
        """The file, which is gone when the context is left; None where no bytes came. Needs the scope IMAGES_WRITE.

        Raises:
            FileTooLarge: it has more bytes than the caller's plan allows.
            InvalidFileType: its first bytes are those of no picture that is taken.
            Whatever `chunks` raises.
        """
        require_account(principal, Scope.IMAGES_WRITE)
        max_bytes = self._accounts.plans.get(principal.plan or "").max_upload_bytes
        if announced_bytes is not None and announced_bytes > max_bytes + framing_bytes:
            raise FileTooLarge(f"A file may have at most {max_bytes} bytes here.", details={"maxBytes": max_bytes})
        with spooling(self._scratch_dir, max_bytes=max_bytes) as spool:
            async for chunk in chunks:
                await spool.add(chunk)
                UPLOAD_BYTES.inc(len(chunk))
            yield await spool.finish() if spool.received_bytes else None

    async def receive(
        self, principal: Principal, request: SessionRequest, file: SpooledFile, filename: str | None
    ) -> Reception:
        """Make an image of a file that has come; where that cannot be, nothing is left behind.

        Raises:
            What opening a session raises, and what receiving its file does.
        """
        wanted = replace(request, file_bytes=file.byte_size)

        async def bring() -> tuple[SpooledFile, str | None]:
            return file, filename

        async with opened_for_once(self._uploads, principal, wanted) as opened:
            lease = await take_lease(self._database, self._bus, opened.session)
            return await self._reception.receive_held(lease, bring)
