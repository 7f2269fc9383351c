"""A library without processes: services on one database, and images put there as rows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import event, update

from app.db.accounts import insert_account
from app.db.engine import Database
from app.db.images import find_image, insert_image
from app.db.records import ImageRecord
from app.db.tables import images
from app.domain.access import Principal, Scope, Visibility
from app.domain.formats import ImageFormat
from app.domain.listing import NEWEST_FIRST, ImageFilter, ImageOrder
from app.domain.policy import ProcessingPolicy, Profile
from app.domain.search import parse_query
from app.domain.states import ImageState
from app.events.bus import EventBus
from app.ids import AccountId, AlbumId, ImageId, make_account_hash, make_short_id, make_uuid
from app.jobs import RenderQueue, open_queue
from app.services.filing.indexing import index_image
from app.services.library.albums import AlbumService
from app.services.library.changes import LibraryService
from app.services.library.images import ImageService, PageRequest
from app.services.library.trash import TrashService
from app.services.uploads.registration import dedupe_key
from app.storage.local import LocalStore

T0 = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Shelf:
    """The services, and two owners: `me` and `other`."""

    database: Database
    bus: EventBus
    store: LocalStore
    albums: AlbumService
    images: ImageService
    library: LibraryService
    trash: TrashService
    me: Principal
    other: Principal
    statements: list[str] = field(default_factory=list)
    """Everything that was sent to the database, the beginnings of transactions included."""
    _made: int = 0

    async def add_image(self, owner: Principal | None = None, **columns: object) -> ImageId:
        """An uploaded image of `me`, a minute younger than the one before, unless `columns` say otherwise."""
        account_id = (owner or self.me).account_id
        assert account_id is not None
        self._made += 1
        image_id = ImageId(make_uuid())
        values = {**columns_of(account_id, self._made), **columns}
        async with self.database.write() as db:
            await insert_image(db, {"id": image_id, **values})
            image = await find_image(db, image_id)
            assert image is not None
            await index_image(db, image)
        return image_id

    async def add_album(self, slug: str, owner: Principal | None = None) -> AlbumId:
        """An album of `me`."""
        album = await self.albums.create(owner or self.me, slug=slug, title=slug.title(), description=None)
        return album.id

    async def row(self, image_id: ImageId) -> ImageRecord:
        """An image as it is now."""
        async with self.database.read() as db:
            image = await find_image(db, image_id)
        assert image is not None
        return image

    async def set_columns(self, image_id: ImageId, **values: object) -> None:
        """Change an image without a word to any process."""
        async with self.database.write() as db:
            await db.execute(update(images).where(images.c.id == image_id).values(**values))

    async def list(
        self, wanted: ImageFilter | None = None, *, order: ImageOrder = NEWEST_FIRST, owner: Principal | None = None
    ) -> list[ImageId]:
        """All that a filter shows, in an order, in one page; its count must be right."""
        request = PageRequest(100, order)
        page = await self.images.list_page(owner or self.me, request, wanted or ImageFilter())
        assert page.total_count == len(page.snapshots)
        return [snapshot.image.id for snapshot in page.snapshots]


@asynccontextmanager
async def open_shelf(url: str, redis_url: str, store_dir: Path) -> AsyncIterator[Shelf]:
    """A shelf on the prepared database at `url`."""
    database = Database(url)
    redis: Redis = Redis.from_url(redis_url, decode_responses=True)
    queue_redis = open_queue(redis_url)
    store = LocalStore(store_dir)
    bus, queue = EventBus(redis), RenderQueue(queue_redis)
    try:
        await store.make_ready()
        me, other = [await _add_account(database, name) for name in ("me", "other")]
        shelf = Shelf(
            database=database,
            bus=bus,
            store=store,
            albums=AlbumService(database, bus),
            images=ImageService(database),
            library=LibraryService(database, bus, queue),
            trash=TrashService(database, store, bus, queue),
            me=me,
            other=other,
        )
        _count_statements(shelf)
        yield shelf
    finally:
        await queue_redis.aclose(close_connection_pool=True)
        await redis.aclose()
        await store.close()
        await database.close()


def _count_statements(shelf: Shelf) -> None:
    def note(*details: object) -> None:
        shelf.statements.append(str(details[2]))

    engines = [shelf.database.engine.sync_engine]
    if shelf.database.is_sqlite:
        # PostgreSQL's two kinds of transactions are one engine's.
        engines.append(shelf.database.read_engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)


async def _add_account(database: Database, username: str) -> Principal:
    account_id = AccountId(make_uuid())
    async with database.write() as db:
        await insert_account(
            db,
            {
                "id": account_id,
                "username": username,
                "status": "active",
                "plan": "owner",
                "account_hash": make_account_hash(),
                "preferences": {},
                "created_at": T0,
            },
        )
    return Principal(account_id, frozenset(Scope))


def without(principal: Principal, *scopes: Scope) -> Principal:
    """The same caller with a lesser credential."""
    return replace(principal, scopes=principal.scopes - set(scopes) - {Scope.ADMIN})


def words(text: str) -> ImageFilter:
    """The filter of a search for this text."""
    return ImageFilter(words=tuple(parse_query(text)))


def columns_of(owner_id: AccountId, number: int) -> dict[str, object]:
    """The columns of an uploaded image, but its id; `number` makes it differ from others."""
    made_at = T0 + timedelta(minutes=number)
    sha256 = f"{UUID(int=number).hex}{UUID(int=number).hex}"
    return {
        "short_id": make_short_id(),
        "owner_id": owner_id,
        "filename": f"picture-{number}.jpg",
        "meta": {},
        "tags": [],
        "visibility": Visibility.PUBLIC,
        "is_nsfw": False,
        "processing": ProcessingPolicy(Profile.ORIGINAL_ONLY, ()).to_json(),
        "state": ImageState.READY,
        "revision": 1,
        "generation": 1,
        "format": ImageFormat.JPEG,
        "byte_size": 1000 + number,
        "width_px": 40,
        "height_px": 30,
        "frames": 1,
        "has_alpha": False,
        "sha256": sha256,
        "dedupe_key": dedupe_key(owner_id, Visibility.PUBLIC, sha256),
        "thumbhash": "AAAA",
        "views": 0,
        "created_at": made_at,
        "updated_at": made_at,
        "uploaded_at": made_at,
    }
