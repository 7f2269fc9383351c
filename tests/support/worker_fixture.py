"""A worker's parts, put together as the container does it: real rows, a real store, a real cage, a real Redis."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest_asyncio
from arq.worker import func
from redis.asyncio import Redis

from app.db.engine import Database, utc_now
from app.db.images import find_image, update_image
from app.db.records import ImageRecord, SessionRecord, VariantRecord
from app.db.uploads import find_session
from app.db.variants import insert_variants, list_variants
from app.domain.formats import MEDIA_TYPES, ImageFormat
from app.domain.headers.facts import Budget
from app.domain.states import ImageState, SessionState
from app.domain.variants import ORIGINAL, Derivative, Family, VariantState
from app.events.bus import EventBus
from app.ids import ImageId, SessionId
from app.jobs import RENDER_JOB, RenderQueue, deserialize_job, open_queue, redis_settings, serialize_job
from app.redis_names import names_of
from app.rendering.sandbox import Cage
from app.services.making.claims import ClaimService
from app.services.making.planning import planned_rows
from app.services.upkeep.identity import IdentityService
from app.services.upkeep.retention import RetentionService
from app.services.uploads.leases import LEASE
from app.services.uploads.partials import PartialFiles
from app.services.uploads.replacing import SwapService
from app.storage.opening import open_store
from app.storage.port import ObjectKey, ObjectStore
from app.workers.images import RenderTools
from app.workers.main import render_image
from app.workers.queue_worker import QueueWorker
from app.workers.replacing import Judge
from tests.support.db_rows import add_account, add_image, add_session
from tests.support.graphql_client import sha256_of
from tests.support.pictures import make_jpeg
from tests.support.servers.prepared import FILE_NAME, prepared_file
from tests.support.waiting import eventually

PLANNED = (ORIGINAL, Derivative(Family.WEBP, "small"), Derivative(Family.JPEG, "w128"))


@dataclass(frozen=True)
class Upload:
    """What was registered, and is not rendered yet."""

    image_id: ImageId
    session_id: SessionId
    key: ObjectKey


@dataclass(frozen=True)
class Workshop:
    """What a worker works with, and a look at what it made."""

    database: Database
    store: ObjectStore
    store_dir: Path
    queue: RenderQueue
    redis: Redis
    redis_url: str
    tools: RenderTools
    retention: RetentionService

    async def add_upload(self, content: bytes, *, state: SessionState = SessionState.RECEIVING) -> Upload:
        """An upload that was stored and registered a moment ago, three variants planned."""
        now = utc_now()
        lease = uuid4()
        async with self.database.write() as db:
            owner_id = await add_account(db)
            is_answered = state is SessionState.COMPLETED
            image_state = ImageState.PROCESSING if is_answered else ImageState.AWAITING_UPLOAD
            image_id = await add_image(db, owner_id, uploaded_at=None, state=image_state)
            key = ObjectKey.upload(image_id, 1, lease)
            held = {"lease_id": lease, "lease_until": now + LEASE} if state is SessionState.RECEIVING else {}
            session_id = await add_session(db, owner_id, image_id, state=state, **held)
            await insert_variants(db, planned_rows(image_id, PLANNED, now=now))
        await self.put(key, content)
        return Upload(image_id, session_id, key)

    async def register(
        self, width_px: int = 320, height_px: int = 240, *, content: bytes | None = None, is_answered: bool = False
    ) -> Upload:
        """An upload whose facts are known, and of which nothing is made yet; a JPEG of this size unless it is given."""
        content = content or make_jpeg(width_px, height_px)
        state = SessionState.COMPLETED if is_answered else SessionState.RECEIVING
        upload = await self.add_upload(content, state=state)
        async with self.database.write() as db:
            await update_image(db, upload.image_id, facts_of(upload, content, width_px, height_px))
        return upload

    async def until_ready(self, upload: Upload) -> None:
        """Return when all that was planned of an upload is made."""

        async def is_made() -> bool:
            return {variant.state for variant in await self.variants(upload.image_id)} == {VariantState.READY}

        await eventually(is_made, "READY")

    async def put(self, key: ObjectKey, content: bytes) -> None:
        """Store bytes under a key."""
        path = self.tools.scratch_dir / uuid4().hex
        path.write_bytes(content)
        try:
            await self.store.put(key, path, media_type=MEDIA_TYPES[ImageFormat.JPEG])
        finally:
            path.unlink()

    async def image(self, image_id: ImageId) -> ImageRecord:
        """Its row."""
        async with self.database.read() as db:
            image = await find_image(db, image_id)
        assert image is not None
        return image

    async def variants(self, image_id: ImageId) -> list[VariantRecord]:
        """Their rows."""
        async with self.database.read() as db:
            return (await list_variants(db, [image_id]))[image_id]

    async def session(self, upload: Upload) -> SessionRecord:
        """Its row."""
        async with self.database.read() as db:
            session = await find_session(db, upload.session_id)
        assert session is not None
        return session

    async def keys(self) -> set[str]:
        """Everything in the store."""
        return {stat.key.text async for stat in self.store.list_objects()}

    def scratch_files(self) -> list[str]:
        """What is left of jobs, locks of the living aside."""
        return [str(path) for path in self.tools.scratch_dir.rglob("*") if path.is_file() and path.name != "lock"]


def facts_of(upload: Upload, content: bytes, width_px: int, height_px: int) -> dict[str, object]:
    """The columns that registration writes."""
    return {
        **{"format": ImageFormat.JPEG, "byte_size": len(content), "sha256": sha256_of(content)},
        **{"width_px": width_px, "height_px": height_px, "frames": 1, "has_alpha": False},
        **{"upload_key": upload.key.text, "uploaded_at": utc_now()},
    }


def make_worker(workshop: Workshop, *, slots: int, burst: bool = False) -> QueueWorker:
    """arq's worker alone, without what runs beside it; in a burst it ends when the queue is empty."""
    return QueueWorker(
        functions=[func(render_image, name=RENDER_JOB, max_tries=3)],  # type: ignore[arg-type]  # its protocol wants *args
        redis_settings=redis_settings(workshop.redis_url),
        queue_name=names_of(workshop.redis).queue,
        slots=slots,
        burst=burst,
        handle_signals=False,
        keep_result=0,
        job_serializer=serialize_job,
        job_deserializer=deserialize_job,
        ctx={"tools": workshop.tools},
    )


@pytest_asyncio.fixture
async def cold_workshop(tmp_path: Path, redis_url: str) -> AsyncIterator[Workshop]:
    """On SQLite and a directory; for tests that render nothing: the cage is not started, which takes most time."""
    scratch_dir, store_dir = tmp_path / "tmp", tmp_path / "objects"
    scratch_dir.mkdir()
    (tmp_path / FILE_NAME).write_bytes(prepared_file())
    database = Database(f"sqlite+aiosqlite:///{tmp_path / FILE_NAME}")
    store = open_store(store_dir.as_uri())
    await store.make_ready()
    await IdentityService(database, store).check()
    queue_redis = open_queue(redis_url)
    redis: Redis = Redis.from_url(redis_url, decode_responses=True)
    bus, queue = EventBus(redis), RenderQueue(queue_redis)
    cage = Cage(slots=2, scratch_dir=scratch_dir / "cage")
    judge = Judge(SwapService(database, bus), store, cage, budget=Budget(), scratch_dir=scratch_dir)
    tools = RenderTools(ClaimService(database, bus, queue), store, cage, Budget(), scratch_dir, judge)
    retention = RetentionService(database, store, bus, queue, PartialFiles(scratch_dir / "partial"))
    yield Workshop(database, store, store_dir, queue, redis, redis_url, tools, retention)
    await queue_redis.aclose(close_connection_pool=True)
    await redis.aclose()
    await store.close()
    await database.close()


@pytest_asyncio.fixture
async def workshop(cold_workshop: Workshop) -> AsyncIterator[Workshop]:
    """With a cage to render in."""
    await cold_workshop.tools.cage.start()
    yield cold_workshop
    await cold_workshop.tools.cage.close()
