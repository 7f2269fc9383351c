"""Look at the bytes that shall take an image's place, before its old ones are let go."""

import asyncio
import base64
import contextlib
import errno
import hashlib
import logging
from pathlib import Path

from app.db.engine import utc_now
from app.db.records import SessionRecord
from app.domain.headers.exif import read_exif
from app.domain.headers.facts import Budget, ExifFacts, HeaderFacts
from app.domain.headers.probe import probe
from app.errors import (
    ImageTooLarge,
    InternalError,
    InvalidFileType,
    InvalidImage,
    RenderFailed,
    SafelightError,
    Starved,
    Unavailable,
)
from app.foreign_errors import report_foreign_error
from app.ids import ImageId
from app.rendering.protocol import Decoded
from app.rendering.sandbox import Cage
from app.services.making.claim import Verdict
from app.services.making.outcomes import (
    MAX_FAILURES,
    MAX_HOST_FAULTS_TIME,
    MAX_HOST_PAUSE_S,
    MAX_LONE_STARVATIONS,
    MAX_LOSSES,
    MIN_HOST_PAUSE_S,
    pause_s,
)
from app.services.uploads.replacing import Successor, SwapService
from app.storage.port import ObjectKey, ObjectNotFound, ObjectStore
from app.workers.renewing import claim_or_return, renewing
from app.workers.temp_dir import job_folder

log = logging.getLogger(__name__)

HOPELESS = (InvalidImage, InvalidFileType, ImageTooLarge)
"""What lies in the picture: trying again changes nothing."""


class Judge:
    """Decides about staged bytes, one image at a time."""

    def __init__(
        self, swaps: SwapService, store: ObjectStore, cage: Cage, *, budget: Budget, scratch_dir: Path
    ) -> None:
        self._swaps = swaps
        self._store = store
        self._cage = cage
        self._budget = budget
        self._scratch_dir = scratch_dir

    async def judge(self, image_id: ImageId) -> None:
        """Let the staged bytes of an image in, or refuse them; nothing where there are none."""
        session = await claim_or_return(self._swaps.claim(image_id), self._put_off)
        if session is None:
            return
        async with renewing(lambda: self._swaps.renew(session), lease=self._swaps.lease):
            await self._judge(session)

    async def _judge(self, session: SessionRecord) -> None:
        if session.staged_tries > MAX_LOSSES:
            await self._refuse(session, RenderFailed("Decoding this picture broke off again and again."))
            return
        try:
            successor = await self._look(session)
        except HOPELESS as error:
            await self._refuse(session, error)
        except asyncio.CancelledError:
            await asyncio.shield(self._put_off(session))
            raise
        except Starved as error:
            await self._put_off_starved(session, error)
        except Unavailable:
            await self._put_off_host_fault(session)
        except OSError as error:
            code = errno.errorcode.get(error.errno or 0, type(error).__name__)
            report_foreign_error("disk", operation="replace", code=code, error=error)
            await self._put_off_host_fault(session)
        except SafelightError as error:
            await self._give_up_try(session, error)
        except ObjectNotFound as error:
            log.error("upload_lost", extra={"object_key": str(error.key)})
            await self._give_up_try(session, RenderFailed("The uploaded bytes cannot be read."))
        except Exception as error:
            log.error("judge_bug", exc_info=error, extra={"image_id": str(session.image_id)})
            await self._give_up_try(session, InternalError("Decoding broke off."))
        else:
            await self._delete(await self._swaps.swap(session, successor) or [])

    async def _look(self, session: SessionRecord) -> Successor:
        with job_folder(self._scratch_dir, "judge-") as folder:
            source = folder / "source"
            await self._store.fetch(ObjectKey.parse(session.staged_key or ""), source)
            if await asyncio.to_thread(_hash, source) != session.sha256:
                raise RenderFailed("The uploaded bytes cannot be read.")
            facts, exif = await asyncio.to_thread(_read_headers, source, self._budget)
            # Every try but the first follows one that was ended, perhaps for want of memory or time.
            async with self._cage.job(source, facts, [], is_alone=session.staged_tries > 1) as answers:
                decoded = [answer async for answer in answers if isinstance(answer, Decoded)]
        return Successor(facts, exif, verdict_of(decoded[0]))

    async def _put_off(self, session: SessionRecord) -> None:
        await self._swaps.put_off(session, pause_s=0.5, counts=False)

    async def _put_off_host_fault(self, session: SessionRecord) -> None:
        """Try again after a pause that grows with the time since the bytes came; no try of theirs is used up."""
        waited = utc_now() - session.updated_at
        if waited >= MAX_HOST_FAULTS_TIME:
            await self._refuse(session, RenderFailed("Faults of the server kept this from being decoded for 24 hours."))
            return
        pause_s = min(MAX_HOST_PAUSE_S, max(MIN_HOST_PAUSE_S, waited.total_seconds() / 2))
        await self._swaps.put_off(session, pause_s=pause_s, counts=False)

    async def _put_off_starved(self, session: SessionRecord, error: Starved) -> None:
        """Try again alone; after three lone ends the bytes are refused."""
        if session.staged_tries > MAX_LONE_STARVATIONS:
            await self._refuse(session, RenderFailed(f"The server had too little {error.lack} for this image."))
        else:
            await self._swaps.put_off(session, pause_s=pause_s(session.staged_tries), counts=True)

    async def _give_up_try(self, session: SessionRecord, error: SafelightError) -> None:
        if session.staged_tries >= MAX_FAILURES:
            await self._refuse(session, error)
        else:
            await self._swaps.put_off(session, pause_s=pause_s(session.staged_tries), counts=True)

    async def _refuse(self, session: SessionRecord, error: SafelightError) -> None:
        if await self._swaps.refuse(session, error):
            await self._delete([ObjectKey.parse(session.staged_key or "")])

    async def _delete(self, keys: list[ObjectKey]) -> None:
        # What the store does not delete now is an orphan, and orphans are looked for.
        with contextlib.suppress(Unavailable):
            await self._store.delete(keys)


def verdict_of(decoded: Decoded) -> Verdict:
    """What decoding told, as it is kept."""
    return Verdict(
        decoded.width_px,
        decoded.height_px,
        decoded.thumbhash,
        decoded.dominant_color,
        base64.b64encode(decoded.placeholder_png).decode(),
    )


def _read_headers(path: Path, budget: Budget) -> tuple[HeaderFacts, ExifFacts | None]:
    with path.open("rb") as file:
        facts = probe(file, budget=budget)
        file.seek(0)
        return facts, read_exif(file, facts)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
