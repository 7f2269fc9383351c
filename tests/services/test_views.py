"""Views: counted in a process, gathered in Redis, kept in the rows; never twice, whatever is away."""

import asyncio
from collections.abc import Callable

from prometheus_client import REGISTRY
from redis.asyncio import Redis

from app.errors import Unavailable
from app.ids import ImageId, make_uuid
from app.redis_names import RedisNames
from app.services.delivery.views import ViewCounter, ViewKeeper
from tests.support.library_fixture import Shelf
from tests.support.servers.redis import RedisServer
from tests.support.waiting import eventually

VIEWS_KEY = RedisNames().views


def lost() -> float:
    return REGISTRY.get_sample_value("safelight_lost_views_total") or 0.0


async def test_views_of_many_processes_come_together_in_the_row(shelf: Shelf, redis_url: str) -> None:
    image_id, other = await shelf.add_image(), await shelf.add_image(views=5)
    before = await shelf.row(image_id)
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        first, second = ViewCounter(redis), ViewCounter(redis)
        for counter in (first, second):
            for _ in range(3):
                counter.note(image_id)
        second.note(other)
        second.note(ImageId(make_uuid()))  # gone by now

        await asyncio.gather(first.close(), second.close())
        keepers = [ViewKeeper(shelf.database, redis) for _ in range(2)]
        await asyncio.gather(*(keeper.settle() for keeper in keepers))

    after = await shelf.row(image_id)
    assert (after.views, (await shelf.row(other)).views) == (6, 6)
    assert (after.updated_at, after.revision) == (before.updated_at, before.revision)


async def test_a_look_reaches_redis_by_itself(redis_url: str) -> None:
    image_id = ImageId(make_uuid())
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        counter = ViewCounter(redis)
        counter.note(image_id)

        async def is_counted() -> bool:
            return bool(await redis.hget(VIEWS_KEY, str(image_id)) == "1")

        await eventually(is_counted, "Redis has the look")
        await counter.close()


async def test_what_the_database_does_not_take_waits_for_it(shelf: Shelf, redis_url: str) -> None:
    image_id = await shelf.add_image()
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        counter, keeper = ViewCounter(redis), ViewKeeper(shelf.database, redis)
        counter.note(image_id)
        await counter.flush()
        away = ViewKeeper(_Away(), redis)  # type: ignore[arg-type]  # as far as it is asked

        await away.settle()
        held = await redis.hgetall(VIEWS_KEY)
        await keeper.settle()
        await keeper.settle()
        await counter.close()

    assert held == {str(image_id): "1"}
    assert (await shelf.row(image_id)).views == 1


async def test_while_redis_is_away_a_process_holds_what_it_can_and_tells_what_is_lost(
    private_redis: Callable[[], RedisServer],
) -> None:
    server = private_redis()
    images, before = [ImageId(make_uuid()) for _ in range(3)], lost()
    async with Redis.from_url(server.url, decode_responses=True) as redis:
        counter = ViewCounter(redis, max_held_images=2)
        server.kill()
        for image_id in images:
            counter.note(image_id)
            counter.note(image_id)
        await counter.flush()
        overflow = lost() - before

        server.start()
        await counter.flush()
        held = await redis.hgetall(VIEWS_KEY)
        counter.note(images[0])
        server.kill()
        await counter.close()

    assert overflow == 2
    assert held == {str(image_id): "2" for image_id in images[:2]}
    assert lost() - before == 3


async def test_what_stands_in_redis_is_believed_no_more_than_it_must(shelf: Shelf, redis_url: str) -> None:
    image_id = await shelf.add_image()
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        rubbish = {str(image_id): "2", "no id": "7", str(make_uuid()): "-3", str(make_uuid()): "many"}
        await redis.hset(VIEWS_KEY, mapping=rubbish)
        await ViewKeeper(shelf.database, redis).settle()

        assert await redis.exists(VIEWS_KEY) == 0
    assert (await shelf.row(image_id)).views == 2


class _Away:
    """A database that does not answer."""

    def write(self) -> "_Away":
        return self

    async def __aenter__(self) -> None:
        raise Unavailable("The database does not answer.")

    async def __aexit__(self, *_: object) -> None:
        raise AssertionError
