"""A worker that works when a test says so: between two of its jobs the test sees what any client would see."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass

from PIL import Image

from app.container import Container
from app.db.records import ImageRecord, SessionRecord, VariantRecord
from app.db.snapshots import ImageSnapshot, read_snapshots
from app.domain.access import Principal
from app.domain.policy import Profile, Wanted
from app.domain.states import OPEN_STATES
from app.domain.variants import Derivative, Family
from app.ids import ImageId, SessionId
from app.rendering.sandbox import Cage
from app.services.uploads.drafts import SessionRequest
from app.services.uploads.opening import OpenedSession
from app.services.uploads.reception import Reception, Sending
from app.storage.port import ObjectKey
from app.workers.images import RenderTools, render
from app.workers.replacing import Judge
from tests.support.waiting import eventually


@dataclass(frozen=True, slots=True)
class Workbench:
    """One process's services, with a worker at hand."""

    container: Container
    owner: Principal
    tools: RenderTools

    async def open(self, content: bytes, *derivatives: Derivative, sha256: str | None = None) -> OpenedSession:
        """A session for these bytes; without derivatives the original alone is made."""
        profile = Profile.CUSTOM if derivatives else Profile.ORIGINAL_ONLY
        request = SessionRequest(len(content), wanted=Wanted(profile, derivatives), sha256=sha256)
        return (await self.container.services.uploads.open_sessions(self.owner, [request]))[0]

    async def send(self, opened: OpenedSession, content: bytes, *, works: bool = True) -> Reception:
        """Bring a session's bytes, while the worker looks after its image."""

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        sending = Sending(opened.session.id, opened.token, chunks())
        receiving = asyncio.create_task(self.container.reception.receive(sending))
        while works and await self._is_open(opened.session.id) and not receiving.done():
            await self.work(opened.snapshot.image.id)
            await asyncio.sleep(0)
        return await receiving

    async def upload(self, content: bytes, *derivatives: Derivative) -> ImageId:
        """An image with everything made."""
        opened = await self.open(content, *derivatives)
        await self.send(opened, content)
        await self.work(opened.snapshot.image.id)
        return opened.snapshot.image.id

    async def work(self, image_id: ImageId) -> None:
        """Do whatever waits to be done for an image."""
        await render(self.tools, image_id)

    async def look(self, image_id: ImageId) -> ImageSnapshot:
        """The image's rows."""
        async with self.container.database.read() as db:
            return (await read_snapshots(db, [image_id]))[image_id]

    async def image(self, image_id: ImageId) -> ImageRecord:
        """The image's row."""
        return (await self.look(image_id)).image

    async def variant(self, image_id: ImageId, size: str, family: Family = Family.PNG) -> VariantRecord:
        """The row of one variant."""
        found = [v for v in (await self.look(image_id)).variants if v.derivative == Derivative(family, size)]
        assert len(found) == 1
        return found[0]

    async def picture(self, image_id: ImageId, size: str, family: Family = Family.PNG) -> Image.Image:
        """What a variant's object shows."""
        variant = await self.variant(image_id, size, family)
        key = ObjectKey.parse(variant.object_key or "")
        return Image.open(io.BytesIO(await self.container.store.read(key, max_bytes=10**7)))

    async def objects(self, image_id: ImageId) -> set[str]:
        """The keys of all that the store has of an image."""
        return {stat.key.text async for stat in self.container.store.list_objects(image_id)}

    async def named(self, image_id: ImageId) -> set[str]:
        """The keys that the image's rows name."""
        snapshot = await self.look(image_id)
        return {key for key in (snapshot.image.upload_key, *(v.object_key for v in snapshot.variants)) if key}

    async def claim_staged(self, image_id: ImageId) -> SessionRecord:
        """The session whose bytes wait for their verdict, taken as a worker takes it, once there is one."""
        claimed: list[SessionRecord] = []

        async def claim() -> bool:
            session = await self.container.swaps.claim(image_id)
            claimed.extend(() if session is None else (session,))
            return session is not None

        await eventually(claim, "bytes are staged")
        return claimed[0]

    async def _is_open(self, session_id: SessionId) -> bool:
        session, _ = await self.container.services.uploads.get_own(session_id)
        return session.state in OPEN_STATES


def make_workbench(container: Container, owner: Principal, cage: Cage) -> Workbench:
    """A workbench on a warm cage."""
    judge = Judge(container.swaps, container.store, cage, budget=container.budget, scratch_dir=container.scratch_dir)
    tools = RenderTools(container.claims, container.store, cage, container.budget, container.scratch_dir, judge)
    return Workbench(container, owner, tools)
