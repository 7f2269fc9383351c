"""One image from the old system into the new one: exactly once, whoever died on the way before."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from app.client.moving.albums import Albums
from app.client.moving.answers import NewImage, NewServer
from app.client.moving.codes import ENDING_CODES, MovingCode
from app.client.moving.items import OldImage, Source
from app.client.moving.journal import Journal, Moved
from app.client.moving.old_site import OldSite
from app.client.moving.target import Target
from app.client.moving.temporary import TemporaryFile
from app.client.moving.wanted import is_as_wanted, take_out_oversized, wanted_of
from app.client.problems import Problem

MAX_TRIES = 16
"""How often one image's session is asked for in other words."""
# Nothing is the same image without these; what was private must never become public for want of a word.
_NEEDED = frozenset({"fileSize", "sha256", "expiresIn", "visibility", "isNsfw"})


@dataclass(frozen=True, slots=True)
class Way:
    """Between which two, and what has been done."""

    source: Source
    site: OldSite
    target: Target
    server: NewServer
    journal: Journal
    albums: Albums
    processing: Mapping[str, object] | None
    """A ProcessingInput for every image; None for the account's preferences."""


@dataclass(slots=True)
class _Errand:
    """One image on its way."""

    image: OldImage
    file: TemporaryFile
    album_slug: str | None
    wanted: dict[str, object]
    left_out: list[str] = field(default_factory=list)


class Copier:
    """Copies images; several at once."""

    def __init__(self, way: Way) -> None:
        self._way = way
        # Images of the same bytes go one after the other: the second must know whose the first is.
        self._same_bytes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def copy(self, listed: OldImage) -> Moved:
        """See one image through; the journal knows of it when this returns.

        Raises:
            Problem: it cannot be had, or is not taken.
        """
        image = await self._way.source.complete(listed)
        album = image.facts.album
        album_slug = await self._way.albums.place(album) if album is not None else None
        new = await self._find_earlier(image)
        left_out: tuple[str, ...] = ()
        if new is None:
            with TemporaryFile() as file:
                await self._fetch(image, file)
                errand = _Errand(image, file, album_slug, self._wanted_of(image, file))
                errand.left_out += take_out_oversized(errand.wanted)
                lock = self._same_bytes.setdefault(file.sha256, asyncio.Lock())
                async with lock:
                    new = await self._bring(errand)
            left_out = tuple(errand.left_out)
        if album_slug is not None and new.album_slug != album_slug:
            new = await self._way.target.place(new, album_slug)
        moved = self._moved(image, new, left_out)
        await self._way.journal.note_moved(moved)
        return moved

    async def _find_earlier(self, image: OldImage) -> NewImage | None:
        """What an earlier run has sent: the image, where its bytes have come."""
        session_id = self._way.journal.opened.get(image.old_id)
        if session_id is None:
            return None
        session = await self._way.target.settle(session_id)
        if session is None or session.state != "COMPLETED":
            return None
        # Another's, where the bytes turned out to be there already: then it is begun anew, and told apart.
        is_ours = self._way.journal.holders.get(session.image_id) == image.old_id
        return await self._way.target.find(image_id=session.image_id) if is_ours else None

    async def _fetch(self, image: OldImage, file: TemporaryFile) -> None:
        """The bytes, from the best address that has them."""
        for number, url in enumerate(image.file_urls, 1):
            try:
                await self._way.site.fetch(url, file, max_bytes=self._way.server.max_upload_bytes)
            except Problem as problem:
                is_last = number == len(image.file_urls)
                if is_last or problem.code in ENDING_CODES or problem.code == MovingCode.OLD_FILE_TOO_LARGE:
                    raise
            else:
                return

    def _wanted_of(self, image: OldImage, file: TemporaryFile) -> dict[str, object]:
        return wanted_of(image.facts, byte_size=file.byte_size, sha256=file.sha256, processing=self._way.processing)

    async def _bring(self, errand: _Errand) -> NewImage:
        refusal = Problem("CONFLICT", "Others change the same image in the new system.")
        for _ in range(MAX_TRIES):
            new: NewImage | None
            try:
                new = await self._try(errand)
            except Problem as problem:
                new, refusal = await self._mend(errand, problem), problem
            if new is not None and self._claim(errand, new):
                return new
        raise refusal

    async def _try(self, errand: _Errand) -> NewImage:
        way = self._way
        session = await way.target.open(errand.wanted)
        image_id = session.image_id
        if not session.is_duplicate:
            await way.journal.note_opened(errand.image.old_id, session.id, session.image_id)
            image_id = (await way.target.send(errand.file, session, lambda _: None)).image_id
        new = await way.target.find(image_id=image_id)
        if new is None:
            raise Problem("NOT_FOUND", "The image was deleted from the new system while it was being copied.")
        return new

    def _claim(self, errand: _Errand, new: NewImage) -> bool:
        """Is it this old image's? Else the bytes were there before, and it must become an image of its own."""
        holders, old_id = self._way.journal.holders, errand.image.old_id
        is_known = holders.get(new.id) == old_id
        is_like_ours = new.id not in holders and is_as_wanted(new, errand.wanted, album_slug=errand.album_slug)
        if is_known or is_like_ours:
            holders[new.id] = old_id
            return True
        errand.wanted["allowDuplicate"] = True
        return False

    async def _mend(self, errand: _Errand, problem: Problem) -> NewImage | None:
        """What helps against a refusal: the image that is there already, or None where asking again does.

        Raises:
            Problem: this one, where nothing helps.
        """
        name = str(problem.details.get("field"))
        if problem.code == "CONFLICT" and name == "customId":
            return await self._find_holder(errand, problem)
        if problem.code == "INVALID_REQUEST" and name in errand.wanted.keys() - _NEEDED:
            # The rest of the image is worth more than the one thing that is not taken; it is told, and noted.
            del errand.wanted[name]
            errand.left_out.append(f"{name}: {problem.message}")
            return None
        raise problem

    async def _find_holder(self, errand: _Errand, problem: Problem) -> NewImage | None:
        """Who has the custom id: we ourselves, of a run whose journal did not get that far, or somebody else."""
        found = await self._way.target.find(custom_id=str(errand.wanted["customId"]))
        if found is None:
            return None
        is_ours = found.is_draft and is_as_wanted(found, errand.wanted, album_slug=None)
        if is_ours and "uploadSessionId" in problem.details:
            await self._way.target.settle(str(problem.details["uploadSessionId"]))
            return None
        holder = self._way.journal.holders.setdefault(found.id, errand.image.old_id)
        if found.is_draft or found.sha256 != errand.file.sha256 or holder != errand.image.old_id:
            raise problem
        return found

    def _moved(self, image: OldImage, new: NewImage, left_out: tuple[str, ...]) -> Moved:
        source, server = self._way.source, self._way.server
        return Moved(
            image.old_id,
            new.id,
            image.old_urls,
            tuple(source.new_url_of(url, new, server) for url in image.old_urls),
            image.uploaded_at,
            new.byte_size,
            new.sha256 or "",
            left_out,
        )
