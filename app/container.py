"""Build every adapter and service from the settings, once; close them in reverse."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis

from app import __version__
from app.context import Addresses, ServerFacts, Services
from app.db.engine import Database
from app.domain.headers.facts import Budget
from app.errors import Unavailable
from app.events import EventBus
from app.jobs import RenderQueue, open_queue
from app.services.accounts import AccountService
from app.services.audit import AuditService
from app.services.claims import ClaimService
from app.services.delivery import DeliveryService
from app.services.delivery_cache import DeliveryCache
from app.services.feeds import Feeds
from app.services.images import ImageService
from app.services.reception import ReceptionLimits, ReceptionService
from app.services.registration import Registrar
from app.services.retention import RetentionService
from app.services.scratch import own_scratch
from app.services.uploads import UploadService
from app.services.variants import VariantService
from app.services.watching import WatchService
from app.settings import InvalidSettings, Settings
from app.storage.opening import open_store
from app.storage.port import ObjectKey, ObjectStore

CACHED_BODY_BYTES = 128 * 1024 * 1024
_REDIS_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Container:
    """Everything that a process is made of."""

    settings: Settings
    scratch_dir: Path
    """This process's own."""
    database: Database
    store: ObjectStore
    redis: Redis
    bus: EventBus
    accounts: AccountService
    services: Services
    reception: ReceptionService
    delivery: DeliveryService
    delivery_cache: DeliveryCache
    claims: ClaimService
    retention: RetentionService
    addresses: Addresses
    server: ServerFacts
    budget: Budget

    def object_url(self, key: str) -> str:
        """Where the object of this key lies."""
        return self.store.url(ObjectKey.parse(key))


@contextlib.asynccontextmanager
async def open_container(settings: Settings, *, listens: bool = True) -> AsyncIterator[Container]:
    """The parts, ready for use, until the context is left; a process that nobody watches needs not listen to events.

    Raises:
        InvalidSettings: one of them cannot be used.
        Unavailable: the store does not answer.
    """
    async with contextlib.AsyncExitStack() as stack:
        scratch_dir = stack.enter_context(own_scratch(settings.scratch_dir))
        database = Database(settings.sql_url)
        stack.push_async_callback(database.close)
        store = _open_store(settings)
        stack.push_async_callback(store.close)
        await _make_store_ready(store)
        redis = _open_redis(settings)
        stack.push_async_callback(redis.aclose)
        queue_redis = open_queue(_redis_url(settings))
        stack.push_async_callback(queue_redis.aclose, close_connection_pool=True)
        bus = EventBus(redis)
        stack.push_async_callback(bus.close)
        if listens:
            await bus.start()
        yield _assemble(settings, scratch_dir, database, store, redis, bus, RenderQueue(queue_redis))


async def check_parts(settings: Settings) -> None:
    """Return if the parts can be built; asked before a server starts, whose own words about it are many.

    Raises:
        InvalidSettings: one of them cannot be used.
        Unavailable: the store does not answer.
    """
    _redis_url(settings)
    store = _open_store(settings)
    try:
        await _make_store_ready(store)
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def open_audit(settings: Settings) -> AsyncIterator[AuditService]:
    """The audit alone, which needs no Redis, until the context is left.

    Raises:
        InvalidSettings: the store cannot be used.
    """
    async with contextlib.AsyncExitStack() as stack:
        database = Database(settings.sql_url)
        stack.push_async_callback(database.close)
        store = _open_store(settings)
        stack.push_async_callback(store.close)
        yield AuditService(database, store, scratch_dir=settings.scratch_dir)


def _assemble(
    settings: Settings,
    scratch_dir: Path,
    database: Database,
    store: ObjectStore,
    redis: Redis,
    bus: EventBus,
    queue: RenderQueue,
) -> Container:
    budget = budget_of(settings)
    feeds = Feeds(database, bus)
    accounts = AccountService(database, max_upload_bytes=settings.max_upload_bytes)
    uploads = UploadService(database, accounts, bus)
    registrar = Registrar(database, bus, queue)
    limits = ReceptionLimits(scratch_dir, budget)
    return Container(
        settings=settings,
        scratch_dir=scratch_dir,
        database=database,
        store=store,
        redis=redis,
        bus=bus,
        accounts=accounts,
        services=Services(
            accounts=accounts,
            uploads=uploads,
            images=ImageService(database),
            variants=VariantService(database, accounts, bus, queue),
            watching=WatchService(database, feeds),
        ),
        reception=ReceptionService(database, store, uploads, registrar, feeds, bus, limits),
        delivery=DeliveryService(database, store, feeds),
        delivery_cache=DeliveryCache(bus, max_body_bytes=CACHED_BODY_BYTES),
        claims=ClaimService(database, bus, queue),
        retention=RetentionService(database, store, bus, queue),
        addresses=Addresses(settings.public_base_url, settings.public_cdn_url),
        server=ServerFacts(__version__, settings.max_upload_bytes, budget),
        budget=budget,
    )


def budget_of(settings: Settings) -> Budget:
    """What a picture may promise on this server."""
    return Budget(
        max_side_px=settings.max_side_px,
        max_frame_pixels=settings.max_frame_pixels,
        max_frames=settings.max_frames,
        max_total_pixels=settings.max_total_pixels,
        max_animated_pixels=settings.max_animated_pixels,
    )


def _open_store(settings: Settings) -> ObjectStore:
    try:
        return open_store(settings.object_store_url)
    except ValueError as error:
        raise InvalidSettings(f"SAFELIGHT_STORE_URL: {error}") from error


async def _make_store_ready(store: ObjectStore) -> None:
    try:
        await store.make_ready()
    except Unavailable as error:
        raise InvalidSettings(f"SAFELIGHT_STORE_URL: {error.message}") from error


def _redis_url(settings: Settings) -> str:
    if settings.redis_url is None:
        raise InvalidSettings("SAFELIGHT_REDIS_URL: must be set; only `safelight run` starts a Redis of its own")
    return settings.redis_url


def _open_redis(settings: Settings) -> Redis:
    redis: Redis = Redis.from_url(
        _redis_url(settings),
        decode_responses=True,
        socket_timeout=_REDIS_TIMEOUT_S,
        socket_connect_timeout=_REDIS_TIMEOUT_S,
    )
    return redis
