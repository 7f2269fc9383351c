"""A site's rows, looked at and changed behind its back: the one way to make time pass without waiting."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import select, update

from app.db.engine import Database, utc_now
from app.db.instance import find_instance_id
from app.db.tables import api_keys, images, upload_sessions, variants
from app.domain.variants import Family
from app.redis_names import RedisNames, bind_names
from tests.support.site import Site

Columns = dict[str, object]


@asynccontextmanager
async def open_rows(site: Site) -> AsyncIterator[Database]:
    """The site's database, for whoever wants to write SQL of its own."""
    sqlite = f"sqlite+aiosqlite:///{site.data_dir.absolute() / 'safelight.db'}"
    database = Database(site.environment.get("SAFELIGHT_DATABASE_URL", sqlite))
    try:
        yield database
    finally:
        await database.close()


async def name_redis(site: Site, redis: Redis) -> None:
    """Let a connection use the names of the site's instance."""
    async with open_rows(site) as database, database.read() as db:
        bind_names(redis, RedisNames(await find_instance_id(db)))


async def change_session(site: Site, session_id: str, **values: object) -> None:
    """Set columns of a session."""
    async with open_rows(site) as database, database.write() as db:
        await db.execute(update(upload_sessions).where(upload_sessions.c.id == UUID(session_id)).values(**values))


async def change_image(site: Site, image_id: str, **values: object) -> None:
    """Set columns of an image."""
    async with open_rows(site) as database, database.write() as db:
        await db.execute(update(images).where(images.c.id == UUID(image_id)).values(**values))


async def read_session(site: Site, session_id: str) -> Columns:
    """A session's row."""
    async with open_rows(site) as database, database.read() as db:
        row = await db.execute(select(upload_sessions).where(upload_sessions.c.id == UUID(session_id)))
        return dict(row.mappings().one())


async def read_image(site: Site, image_id: str) -> Columns:
    """An image's row."""
    async with open_rows(site) as database, database.read() as db:
        row = await db.execute(select(images).where(images.c.id == UUID(image_id)))
        return dict(row.mappings().one())


async def let_expire(site: Site, session_id: str, *, ago: timedelta = timedelta(seconds=1)) -> None:
    """Let a session's time have run out so long ago."""
    await change_session(site, session_id, expires_at=utc_now() - ago)


async def let_key_expire(site: Site, key_id: str, *, ago: timedelta = timedelta(seconds=1)) -> None:
    """Let an API key's time have run out so long ago."""
    values = {"expires_at": utc_now() - ago}
    async with open_rows(site) as database, database.write() as db:
        await db.execute(update(api_keys).where(api_keys.c.id == UUID(key_id)).values(**values))


async def change_variant(site: Site, image_id: str, family: str, size: str, **values: object) -> None:
    """Set columns of a variant."""
    wanted = (variants.c.image_id == UUID(image_id), variants.c.family == Family(family), variants.c.size == size)
    async with open_rows(site) as database, database.write() as db:
        await db.execute(update(variants).where(*wanted).values(**values))
