"""The new system: what an import asks of it, and asks again where that may help."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import httpx

from app.client.answers import Session
from app.client.control import Control
from app.client.moving import documents
from app.client.moving.answers import NewImage, NewServer, NewSession, image_of, server_of, session_of
from app.client.moving.items import OldAlbum, OldPreset
from app.client.moving.persisting import persist
from app.client.moving.temporary import TemporaryFile
from app.client.problems import Problem
from app.client.sending import Receipt, Sender

# A server that lost a sender takes the session back after 15 seconds without bytes.
_STILL_RECEIVING_PAUSE_S = 0.5


class Target:
    """The account that the images go to."""

    def __init__(self, control: Control, http: httpx.AsyncClient, on_problem: Callable[[Problem], None]) -> None:
        self._control = control
        self._sender = Sender(http)
        self._on_problem = on_problem
        self._making_album = asyncio.Lock()

    async def greet(self, url: str) -> NewServer:
        """Who is there? Not asked twice: an address that is wrong shall be told at once."""
        return server_of(await self._control.ask(documents.GREET, {}), url)

    async def open(self, wanted: Mapping[str, object]) -> NewSession:
        """A new session; `wanted` is a CreateUploadSessionInput."""
        opened = (await self._ask(documents.OPEN, input=dict(wanted)))["createUploadSession"]
        is_duplicate = bool(opened["duplicate"])
        return session_of(opened["session"], token=opened["session"]["token"], is_duplicate=is_duplicate)

    async def send(self, file: TemporaryFile, session: NewSession, on_sent: Callable[[int], None]) -> Receipt:
        """The bytes, as often as it takes."""
        way = Session(session.id, session.token, session.upload_url, session.image_id, ())
        return await self._sender.send(file, way, on_sent=on_sent, on_problem=self._on_problem)

    async def settle(self, session_id: str) -> NewSession | None:
        """A session of a run that is over, when its state will not change any more; None where there is none.

        One that got no file is cancelled: its reservation and its custom id are free at once.
        """
        while True:
            found = (await self._ask(documents.LOOK, id=session_id))["uploadSession"]
            if found is None:
                return None
            session = session_of(found)
            if session.state not in {"OPEN", "RECEIVING"}:
                return session
            if session.state == "OPEN" and await self.cancel(session_id):
                return None
            await asyncio.sleep(_STILL_RECEIVING_PAUSE_S)

    async def cancel(self, session_id: str) -> bool:
        """Close an OPEN session; False where it is not OPEN any more."""
        try:
            await self._ask(documents.CANCEL, id=session_id)
        except Problem as problem:
            if problem.code == "CONFLICT":
                return False
            raise
        return True

    async def find(self, *, image_id: str | None = None, custom_id: str | None = None) -> NewImage | None:
        """An image by one of its names."""
        names = {"id": image_id} if image_id is not None else {"customId": custom_id}
        found = (await self._ask(documents.READ, **names))["image"]
        return image_of(found) if found is not None else None

    async def place(self, image: NewImage, album_slug: str) -> NewImage:
        """The image, in an album."""
        return image_of((await self._ask(documents.PLACE, id=image.id, slug=album_slug))["updateImage"]["image"])

    async def make_album(self, album: OldAlbum) -> None:
        """Make it where there is none of its slug; one that is there keeps its texts."""
        async with self._making_album:
            if (await self._ask(documents.ALBUM, slug=album.slug))["album"] is not None:
                return
            wanted = {"slug": album.slug, "title": album.title, "description": album.description}
            given = {name: value for name, value in wanted.items() if value is not None}
            try:
                await self._ask(documents.CREATE_ALBUM, input=given)
            except Problem as problem:
                # Somebody else was first; or we were, and the answer got lost.
                if problem.code != "CONFLICT":
                    raise

    async def make_preset(self, preset: OldPreset) -> None:
        """Make it where there is none of its name.

        Raises:
            Problem: CONFLICT: there is one, and it is another; or it is not taken.
        """
        box = {"fit": preset.fit, "width": preset.width_px, "height": preset.height_px}
        found = (await self._ask(documents.PRESET, name=preset.name))["variantPreset"]
        if found is not None and found != box:
            raise Problem("CONFLICT", "The new account has another of this name.")
        if found is None:
            rest = {"metadata": preset.metadata, "neverRequireSignedUrls": preset.is_always_public}
            await self._ask(documents.CREATE_PRESET, input={"name": preset.name, **box, **rest})

    # Variables and answers are JSON: Any.
    async def _ask(self, document: str, **variables: Any) -> dict[str, Any]:
        return await persist(partial(self._control.ask, document, variables), self._on_problem)
