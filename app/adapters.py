"""What the settings say of the world outside: the database, the store, Redis, the plans, the budget of a picture."""

import tomllib

from redis.asyncio import Redis

from app.db.engine import Database
from app.db.instance import find_instance_id
from app.domain.headers.facts import Budget
from app.domain.plans import Plans, make_plans
from app.ids import ImageId, make_uuid
from app.redis_names import RedisNames, bind_names
from app.settings import InvalidSettings, Settings
from app.storage.cache_files import CacheFolder
from app.storage.disk_cache import CachedStore
from app.storage.object_modes import find_group
from app.storage.opening import open_store
from app.storage.port import Handed, ObjectKey, ObjectStore, StoreUnavailable

_REDIS_TIMEOUT_S = 2.0


def read_plans(settings: Settings) -> Plans:
    """The plans, as the file changes them.

    Raises:
        InvalidSettings: it is not there, no TOML, or says what cannot be.
    """
    if settings.plans_file is None:
        return make_plans(settings.max_upload_bytes)
    try:
        document = tomllib.loads(settings.plans_file.read_text(encoding="utf-8"))
        return make_plans(settings.max_upload_bytes, document)
    except OSError as error:
        raise InvalidSettings(f"SAFELIGHT_PLANS_FILE: {settings.plans_file}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidSettings(f"SAFELIGHT_PLANS_FILE: {settings.plans_file}: {error}") from error


def budget_of(settings: Settings) -> Budget:
    """What a picture may promise on this server."""
    return Budget(
        max_side_px=settings.max_side_px,
        max_frame_pixels=settings.max_frame_pixels,
        max_frames=settings.max_frames,
        max_total_pixels=settings.max_total_pixels,
        max_animated_pixels=settings.max_animated_pixels,
    )


def open_database(settings: Settings) -> Database:
    """The database that the settings name; nothing is asked of it yet.

    Raises:
        InvalidSettings: its address is no database's.
    """
    try:
        return Database(settings.sql_url)
    except ValueError as error:
        raise InvalidSettings(f"SAFELIGHT_DATABASE_URL: {error}") from error


def open_own_store(settings: Settings) -> ObjectStore:
    """The store that the settings name.

    Raises:
        InvalidSettings: its address is no store's.
    """
    try:
        if settings.objects_group is not None:
            find_group(settings.objects_group)
    except ValueError as error:
        raise InvalidSettings(f"SAFELIGHT_OBJECTS_GROUP: {error}") from error
    try:
        store = open_store(settings.object_store_url, settings.store_public_url, group=settings.objects_group)
    except ValueError as error:
        raise InvalidSettings(f"SAFELIGHT_STORE_URL: {error}") from error
    if settings.delivery == "redirect" and not settings.is_store_far:
        raise InvalidSettings("SAFELIGHT_DELIVERY: redirect needs an S3 store; a directory answers nobody")
    return store


def put_cache_before(settings: Settings, store: ObjectStore) -> ObjectStore:
    """The same store, with copies on this machine's disk where it is far away."""
    if not settings.is_store_far or settings.disk_cache_bytes == 0:
        return store
    folder = CacheFolder(settings.data_dir.absolute() / "cache", max_bytes=settings.disk_cache_bytes)
    return CachedStore(store, folder)


async def make_store_ready(store: ObjectStore) -> None:
    """Make its directory or bucket where it is missing.

    Raises:
        InvalidSettings: it does not answer.
    """
    try:
        await store.make_ready()
    except StoreUnavailable as error:
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else None
        why = f" ({cause.strerror})" if cause is not None and cause.strerror and error.advice == error.message else ""
        raise InvalidSettings(f"SAFELIGHT_STORE_URL: {error.advice}{why}") from error


def redis_url_of(settings: Settings) -> str:
    """Where Redis is.

    Raises:
        InvalidSettings: nobody said.
    """
    if settings.redis_url is None:
        raise InvalidSettings("SAFELIGHT_REDIS_URL: must be set; only `safelight run` starts a Redis of its own")
    return settings.redis_url


async def read_names(database: Database) -> RedisNames:
    """The names in Redis of this database's instance."""
    async with database.read() as db:
        return RedisNames(await find_instance_id(db))


def open_redis(settings: Settings, names: RedisNames) -> Redis:
    """A connection for events, limits and locks; nothing is asked of it yet."""
    redis: Redis = Redis.from_url(
        redis_url_of(settings),
        decode_responses=True,
        socket_timeout=_REDIS_TIMEOUT_S,
        socket_connect_timeout=_REDIS_TIMEOUT_S,
    )
    bind_names(redis, names)
    return redis


def list_picture_urls(settings: Settings, store: ObjectStore) -> list[str]:
    """Addresses from whose hosts browsers get pictures: the CDN's, and the store's where requests are sent on to it."""
    urls = [settings.public_cdn_url]
    if settings.delivery == "redirect":
        some_key = ObjectKey.upload(ImageId(make_uuid()), 1, make_uuid())
        link = store.public_link(some_key, Handed("image/jpeg", "inline", "no-store"))
        urls += [link] if link is not None else []
    return urls
