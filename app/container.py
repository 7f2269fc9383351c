"""Build every adapter and service from the settings, once; close them in reverse."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from redis.asyncio import Redis

from app import __version__
from app.adapters import (
    budget_of,
    make_store_ready,
    open_database,
    open_own_store,
    open_redis,
    put_cache_before,
    read_names,
    read_plans,
    redis_url_of,
)
from app.context import Addresses, ServerFacts, Services
from app.db.engine import Database
from app.domain.headers.facts import Budget
from app.ending import end_tasks, start_loop
from app.events.bus import EventBus
from app.fetching.fetcher import Fetcher
from app.jobs import RenderQueue, open_queue
from app.rate_limit import RateLimiter
from app.services.accounts.accounts import AccountService
from app.services.accounts.numbering import NumberService
from app.services.accounts.preferences import PreferenceService
from app.services.accounts.signing_keys import SigningKeyService
from app.services.credentials.api_keys import ApiKeyService
from app.services.credentials.batch_tokens import BatchTokenService
from app.services.credentials.foreign_tokens import ForeignTokenService, TrustedIssuer
from app.services.credentials.sign_in import SignInService
from app.services.delivery.addressing import AddressingService
from app.services.delivery.deliverables import DeliveryService
from app.services.delivery.delivery_urls import DeliveryURLService
from app.services.delivery.misses import Misses
from app.services.delivery.on_demand import OnDemand
from app.services.delivery.pictures import PictureService
from app.services.delivery.showing import ShowingService
from app.services.delivery.store_health import StoreHealth
from app.services.delivery.views import ViewCounter, ViewKeeper
from app.services.library.albums import AlbumService
from app.services.library.archives import ArchiveService
from app.services.library.changes import LibraryService
from app.services.library.images import ImageService
from app.services.library.named_images import NamedImageService
from app.services.library.presets import PresetService
from app.services.library.trash import TrashService
from app.services.making.claims import ClaimService
from app.services.making.variants import VariantService
from app.services.upkeep.figures import FiguresService
from app.services.upkeep.retention import RetentionService
from app.services.uploads.fetched_uploads import FetchedUploadService
from app.services.uploads.importing import Importer, ImportService
from app.services.uploads.partials import PartialFiles
from app.services.uploads.reception import ReceptionLimits, ReceptionService
from app.services.uploads.registration import Registrar
from app.services.uploads.replacing import ReplacementService, SwapService
from app.services.uploads.resuming import ResumingService
from app.services.uploads.scratch import own_scratch
from app.services.uploads.sessions import UploadService
from app.services.uploads.uploaders import Uploaders
from app.services.watching.feeds import Feeds
from app.services.watching.image_watching import WatchService
from app.services.watching.library_feed import LibraryFeed
from app.services.watching.library_watching import LibraryWatchService
from app.settings import Settings
from app.storage.port import ObjectKey, ObjectStore


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
    feeds: Feeds
    accounts: AccountService
    foreign_tokens: ForeignTokenService | None
    """None where no issuer is configured."""
    services: Services
    reception: ReceptionService
    resuming: ResumingService
    importer: Importer
    on_demand: OnDemand
    pictures: PictureService
    showing: ShowingService
    archives: ArchiveService
    claims: ClaimService
    swaps: SwapService
    retention: RetentionService
    views: ViewCounter
    view_keeper: ViewKeeper
    figures: FiguresService
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
        scratch = stack.enter_context(own_scratch(settings.scratch_dir))
        database = open_database(settings)
        stack.push_async_callback(database.close)
        store = put_cache_before(settings, open_own_store(settings))
        stack.push_async_callback(store.close)
        await make_store_ready(store)
        names = await read_names(database)
        redis = open_redis(settings, names)
        stack.push_async_callback(redis.aclose)
        queue_redis = open_queue(redis_url_of(settings), names)
        stack.push_async_callback(queue_redis.aclose, close_connection_pool=True)
        bus = EventBus(redis)
        stack.push_async_callback(bus.close)
        if listens:
            await bus.start()
        adapters = _Adapters(settings, scratch.folder, database, store, redis, bus, RenderQueue(queue_redis))
        container = _assemble(adapters)
        stack.push_async_callback(container.views.close)
        stack.push_async_callback(end_tasks, [start_loop(scratch.heal_until_cancelled, name="heal-scratch")])
        yield container


async def check_parts(settings: Settings) -> None:
    """Return if the parts can be built; asked before a server starts, whose own words about it are many.

    Raises:
        InvalidSettings: one of them cannot be used.
    """
    redis_url_of(settings)
    read_plans(settings)
    store = open_own_store(settings)
    try:
        await make_store_ready(store)
    finally:
        await store.close()


@dataclass(frozen=True, slots=True)
class _Adapters:
    """What reaches out of the process."""

    settings: Settings
    scratch_dir: Path
    database: Database
    store: ObjectStore
    redis: Redis
    bus: EventBus
    queue: RenderQueue


@dataclass(frozen=True, slots=True)
class _Core:
    """What several services share."""

    accounts: AccountService
    limiter: RateLimiter
    uploaders: Uploaders
    uploads: UploadService
    feeds: Feeds
    health: StoreHealth
    fetcher: Fetcher


def _assemble(adapters: _Adapters) -> Container:
    settings, database, store = adapters.settings, adapters.database, adapters.store
    bus, queue, scratch_dir = adapters.bus, adapters.queue, adapters.scratch_dir
    budget, core = budget_of(settings), _make_core(adapters)
    on_demand = _open_on_demand(adapters, core, budget)
    addressing = AddressingService(database, base_path=settings.base_path)
    lease = timedelta(seconds=settings.render_lease_s)
    registrar, limits = Registrar(database, bus, queue), ReceptionLimits(scratch_dir, budget)
    reception = ReceptionService(database, store, core.uploads, registrar, core.feeds, bus, limits)
    # Beside the processes' own folders: what has come of an upload outlives the process that took it.
    partials = PartialFiles(settings.scratch_dir / "partial")
    return Container(
        settings=settings,
        scratch_dir=scratch_dir,
        database=database,
        store=store,
        redis=adapters.redis,
        bus=bus,
        feeds=core.feeds,
        accounts=core.accounts,
        foreign_tokens=_open_foreign_tokens(settings, database),
        services=_make_services(adapters, core),
        reception=reception,
        resuming=ResumingService(database, bus, core.uploads, reception, partials, scratch_dir=scratch_dir),
        importer=Importer(database, bus, reception, core.fetcher, scratch_dir=scratch_dir),
        on_demand=on_demand,
        pictures=PictureService(database, addressing, DeliveryService(database, core.feeds, core.health), on_demand),
        showing=ShowingService(database, addressing, settings.public_base_url, settings.public_cdn_url),
        archives=ArchiveService(database, store, base_path=settings.base_path),
        claims=ClaimService(database, bus, queue, lease=lease),
        swaps=SwapService(database, bus, lease=lease),
        retention=RetentionService(database, store, bus, queue, partials, settings.orphan_days),
        views=ViewCounter(adapters.redis),
        view_keeper=ViewKeeper(database, adapters.redis),
        figures=FiguresService(database, adapters.redis, settings.data_dir),
        addresses=Addresses(settings.public_base_url, settings.public_cdn_url),
        server=ServerFacts(__version__, settings.max_upload_bytes, budget, settings.guest_uploads),
        budget=budget,
    )


def _open_on_demand(adapters: _Adapters, core: _Core, budget: Budget) -> OnDemand:
    database = adapters.database
    per_minute = adapters.settings.misses_per_minute
    misses = Misses(database, adapters.store, core.limiter, adapters.queue, per_minute=per_minute)
    return OnDemand(database, core.accounts, core.feeds, misses, core.health, budget=budget)


def _make_core(adapters: _Adapters) -> _Core:
    accounts = open_accounts(adapters.settings, adapters.database)
    limiter = RateLimiter(adapters.redis)
    uploaders = Uploaders(accounts, limiter)
    return _Core(
        accounts,
        limiter,
        uploaders,
        UploadService(adapters.database, adapters.store, accounts, uploaders, adapters.bus, adapters.queue),
        Feeds(adapters.database, adapters.bus),
        StoreHealth(adapters.store),
        Fetcher(),
    )


def _make_services(adapters: _Adapters, core: _Core) -> Services:
    database, store, bus, queue = adapters.database, adapters.store, adapters.bus, adapters.queue
    accounts = core.accounts
    imports = ImportService(database, core.uploads, core.fetcher, queue)
    trash = TrashService(database, store, bus, queue)
    return Services(
        accounts=accounts,
        preferences=PreferenceService(database, accounts),
        api_keys=ApiKeyService(database, accounts),
        signing_keys=SigningKeyService(database),
        sign_in=SignInService(database, accounts, core.limiter, secret=_secret_of(adapters.settings)),
        uploads=core.uploads,
        imports=imports,
        images=ImageService(database),
        albums=AlbumService(database, bus),
        library=LibraryService(database, bus, queue),
        trash=trash,
        variants=VariantService(database, accounts, bus, queue, budget_of(adapters.settings)),
        presets=PresetService(database, store, bus, queue),
        replacements=ReplacementService(database, accounts, core.uploaders, bus),
        watching=WatchService(database, core.feeds),
        library_watching=LibraryWatchService(database, LibraryFeed(database, bus)),
        numbers=NumberService(database),
        named_images=NamedImageService(database, core.uploads, trash),
        fetched_uploads=FetchedUploadService(imports, core.uploads, core.feeds),
        delivery_urls=DeliveryURLService(database, adapters.settings.public_cdn_url),
        batch_tokens=BatchTokenService(database, secret=_secret_of(adapters.settings)),
    )


def open_accounts(settings: Settings, database: Database) -> AccountService:
    """The accounts with their plans; the command line needs no more.

    Raises:
        InvalidSettings: the plans' file cannot be read.
    """
    return AccountService(database, read_plans(settings), lets_guests_in=settings.guest_uploads)


def _open_foreign_tokens(settings: Settings, database: Database) -> ForeignTokenService | None:
    issuer, audience, jwks_url = settings.jwt_issuer, settings.jwt_audience, settings.jwt_jwks_url
    if issuer is None or audience is None or jwks_url is None:
        return None
    trusted = TrustedIssuer(issuer, audience, jwks_url, settings.jwt_create_accounts, settings.jwt_claim_by_email)
    return ForeignTokenService(database, trusted)


def _secret_of(settings: Settings) -> str:
    # The server does not start without one; what else opens a container signs nothing that outlives it.
    return settings.secret.get_secret_value() if settings.secret is not None else secrets.token_hex(32)
