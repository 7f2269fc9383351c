"""What one process publishes the others hear, although Redis hangs or is away meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from app.domain.library_events import LibraryEventKind as Kind
from app.events import outbox
from app.events.bus import EventBus
from app.events.hints import Hint
from app.ids import ImageId, make_uuid
from app.redis_names import RedisNames
from tests.support.servers.redis import RedisServer
from tests.support.waiting import LIMIT_S, eventually, in_time

VOUCHED_S = 1.0
"""Younger than that, the word of a stream that answers is believed."""


@dataclass
class Pair:
    """Two processes' ends of one stream, and what the second heard."""

    server: RedisServer
    here: EventBus
    there: EventBus
    redis: Redis
    heard: list[Hint] = field(default_factory=list)
    resyncs: list[float] = field(default_factory=list)
    """How long ago it was vouched for, each time the second had to look again."""

    async def until_heard(self, image_id: ImageId) -> None:
        """Return when the second has heard of an image."""
        await eventually(lambda: any(hint.image_id == image_id for hint in self.heard), "the hint is heard")


@pytest.fixture
async def pair(private_redis: Callable[[], RedisServer]) -> AsyncIterator[Pair]:
    server = private_redis()
    async with AsyncExitStack() as stack:
        here, there = [await stack.enter_async_context(open_bus(server.url)) for _ in range(2)]
        redis = await stack.enter_async_context(Redis.from_url(server.url, decode_responses=True))
        pair = Pair(server, here, there, redis)
        there.listen_to_all(pair.heard.append, lambda: pair.resyncs.append(there.seconds_since_vouched))
        await there.start()
        await eventually(lambda: there.seconds_since_vouched < VOUCHED_S, "the stream is read")
        yield pair
        server.resume()


@asynccontextmanager
async def open_bus(url: str) -> AsyncIterator[EventBus]:
    async with Redis.from_url(url, decode_responses=True) as redis:
        bus = EventBus(redis)
        try:
            yield bus
        finally:
            await bus.close()


def new_image() -> ImageId:
    return ImageId(make_uuid())


def lost_hints() -> float:
    return REGISTRY.get_sample_value("safelight_lost_hints_total") or 0.0


async def test_changes_of_a_hiccup_and_right_after_it_are_heard(pair: Pair) -> None:
    during, after = new_image(), new_image()
    lost_before = lost_hints()

    pair.server.pause()
    await pair.here.publish([during])
    pair.server.resume()
    await pair.here.publish([after])

    await pair.until_heard(after)
    assert during in {hint.image_id for hint in pair.heard}
    assert lost_hints() == lost_before
    assert pair.resyncs == []


async def test_a_change_published_while_redis_is_away_is_heard_when_it_is_back(pair: Pair) -> None:
    changed = new_image()
    pair.server.stop()
    await pair.here.publish([changed])
    await eventually(lambda: pair.there.seconds_since_vouched > VOUCHED_S, "the stream is believed no more")

    pair.server.start()

    await pair.until_heard(changed)


async def test_only_the_first_publishers_wait_for_a_redis_that_hangs(pair: Pair) -> None:
    pair.server.pause()

    # These end though Redis hangs on, and those after them do not even give the loop a turn.
    await in_time(asyncio.gather(*(pair.here.publish([new_image()]) for _ in range(50))))
    for _ in range(200):
        with pytest.raises(StopIteration):
            pair.here.publish([new_image()]).send(None)


async def test_what_was_put_off_comes_in_its_order_and_whole(pair: Pair) -> None:
    image_id, purged = new_image(), new_image()
    pair.server.pause()
    await pair.here.publish([image_id], kind=Kind.IMAGE_DELETED)
    await pair.here.publish([image_id], kind=Kind.IMAGE_RESTORED)
    await pair.here.publish([purged], kind=Kind.IMAGE_PURGED)
    pair.server.resume()
    await pair.here.publish([image_id], kind=Kind.IMAGE_UPDATED)

    await eventually(lambda: Kind.IMAGE_UPDATED in {hint.kind for hint in pair.heard}, "the last is heard")

    # One that Redis took too late for its sender was sent twice.
    assert list(dict.fromkeys((hint.image_id, hint.kind) for hint in pair.heard)) == [
        (image_id, Kind.IMAGE_DELETED),
        (image_id, Kind.IMAGE_RESTORED),
        (purged, Kind.IMAGE_PURGED),
        (image_id, Kind.IMAGE_UPDATED),
    ]


async def test_more_than_can_be_kept_tells_the_others_to_look_anew(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_UNSENT", 700)  # more than is sent at once
    images = [new_image() for _ in range(outbox.MAX_UNSENT + 5)]
    lost_before = lost_hints()
    pair.server.pause()
    await pair.here.publish([images[0]])
    for image_id in images[1:]:
        await pair.here.publish([image_id])
    lost = int(lost_hints() - lost_before)
    assert pair.resyncs == []

    pair.server.resume()
    await pair.until_heard(images[-1])

    assert lost == 6  # the entry that says so takes the place of one
    assert len(pair.resyncs) >= 1
    assert {hint.image_id for hint in pair.heard} >= set(images[lost:])
    assert lost_hints() == lost_before + lost


async def test_whoever_is_told_to_look_anew_knows_how_far_back(pair: Pair) -> None:
    # The other process alone was cut off: here the stream was vouched for all along.
    await pair.redis.xadd(RedisNames().events, {"resync": repr(time.time() - 3600), "from": "another"})

    await eventually(lambda: pair.resyncs != [], "it is told to look again")
    await eventually(lambda: pair.there.seconds_since_vouched < VOUCHED_S, "the stream is believed again")

    assert [3600 <= silent_s < 3600 + LIMIT_S for silent_s in pair.resyncs] == [True]


async def test_of_progress_only_the_last_word_is_kept(pair: Pair) -> None:
    image_id, after = new_image(), new_image()
    pair.server.pause()
    for received_bytes in range(1, 2001):
        await pair.here.publish([image_id], received_bytes=received_bytes)
    pair.server.resume()
    await pair.here.publish([after])

    await pair.until_heard(after)

    told = [hint.received_bytes for hint in pair.heard if hint.image_id == image_id]
    # One for each try meanwhile, as Redis may have taken that of a caller that gave up.
    assert (len(told) < 200, told[-1]) == (True, 2000)


async def test_a_change_whose_caller_went_away_is_told_all_the_same(pair: Pair) -> None:
    changed = new_image()
    heard_here = asyncio.Event()
    pair.here.listen_to_all(lambda _: heard_here.set(), heard_here.set)
    pair.server.pause()
    asking = asyncio.create_task(pair.here.publish([changed]))
    await in_time(heard_here.wait())
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)

    pair.server.resume()

    await pair.until_heard(changed)


async def test_what_redis_never_takes_is_counted_as_lost_when_the_process_ends(pair: Pair) -> None:
    lost_before = lost_hints()
    pair.server.pause()
    await pair.here.publish([new_image()])
    await pair.here.publish([new_image(), new_image()])
    assert lost_hints() == lost_before

    await in_time(pair.here.close())

    assert lost_hints() == lost_before + 3
    assert "event-resender" not in {task.get_name() for task in asyncio.all_tasks()}
