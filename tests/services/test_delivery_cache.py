"""What a process believes without asking: bounded, dropped at a hint, renewed by one for all."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from app.db.engine import utc_now
from app.events.bus import EventBus
from app.ids import AccountId, ImageId, make_uuid
from app.services.delivery.cache import TRUST_ALONE_S, DeliveryCache
from app.services.delivery.deliverables import Deliverable
from app.storage.port import ObjectKey
from tests.support.waiting import eventually


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[EventBus]:
    redis = Redis.from_url(redis_url, decode_responses=True)
    bus = EventBus(redis)
    await bus.start()
    yield bus
    await bus.close()
    await redis.aclose()


def found(byte_size: int, image_id: ImageId | None = None) -> Deliverable:
    owner = image_id or ImageId(make_uuid())
    return Deliverable(
        image_id=owner,
        owner_id=AccountId(make_uuid()),
        key=ObjectKey.upload(owner, 1, uuid4()),
        content_type="image/png",
        byte_size=byte_size,
        sha256="0" * 64,
        filename="a.png",
        changed_at=utc_now(),
        is_public=True,
        browser_ttl_s=1,
        body=b"x" * byte_size,
    )


def keep(cache: DeliveryCache[str], address: str, deliverable: Deliverable) -> None:
    with cache.reading() as reading:
        cache.keep(address, address, deliverable, reading)


async def test_bodies_are_bounded_together_and_the_least_lately_used_go(bus: EventBus) -> None:
    cache = DeliveryCache[str](bus, max_body_bytes=1000)
    kept = [found(300) for _ in range(4)]
    for number, deliverable in enumerate(kept[:3]):
        keep(cache, f"/{number}", deliverable)
    assert cache.find("/0") == "/0"

    keep(cache, "/3", kept[3])

    assert [cache.find(f"/{number}") for number in range(4)] == ["/0", None, "/2", "/3"]
    assert [cache.find_body(deliverable.key) is not None for deliverable in kept] == [True, False, True, True]


async def test_a_body_that_is_asked_for_under_many_addresses_is_held_once(bus: EventBus) -> None:
    cache = DeliveryCache[str](bus, max_body_bytes=1000)
    one, other = found(600), found(300)

    for number in range(50):
        keep(cache, f"/one?{number}", one)
    keep(cache, "/other", other)

    assert cache.find("/other") == "/other"
    assert all(cache.find(f"/one?{number}") for number in range(50))


async def test_another_copy_of_bytes_that_are_held_is_not_kept(bus: EventBus) -> None:
    cache = DeliveryCache[str](bus, max_body_bytes=1000)
    one = found(600)
    copy = replace(one, body=bytes(bytearray(one.body or b"")))
    keep(cache, "/one", one)

    keep(cache, "/copy", copy)

    assert cache.find_body(one.key) is one.body
    assert (cache.find("/one"), cache.find("/copy")) == ("/one", None)


async def test_addresses_are_bounded_as_well(bus: EventBus) -> None:
    cache = DeliveryCache[str](bus, max_body_bytes=1000, max_entries=10)
    one = found(10)

    for number in range(100):
        keep(cache, f"/{number}", one)

    assert [number for number in range(100) if cache.find(f"/{number}")] == list(range(90, 100))


async def test_a_body_larger_than_all_room_is_not_kept(bus: EventBus) -> None:
    cache = DeliveryCache[str](bus, max_body_bytes=0)
    small, large = replace(found(0), body=None), found(1)

    keep(cache, "/small", small)
    keep(cache, "/large", large)

    assert (cache.find("/small"), cache.find("/large")) == ("/small", None)


async def test_a_hint_drops_every_address_of_its_image_and_no_other(bus: EventBus) -> None:
    cache = DeliveryCache[str](bus, max_body_bytes=1000)
    changed, other = found(10), found(10)
    for address, deliverable in (("/a", changed), ("/b", changed), ("/c", other)):
        keep(cache, address, deliverable)

    await bus.publish([changed.image_id], received_bytes=5)
    assert cache.find("/a") == "/a"
    await bus.publish([changed.image_id])

    assert [cache.find(address) for address in ("/a", "/b", "/c")] == [None, None, "/c"]


async def test_what_was_read_before_a_change_is_not_kept_after_it(bus: EventBus) -> None:
    cache = DeliveryCache[str](bus, max_body_bytes=1000)
    changed = found(10)

    with cache.reading() as reading:
        await bus.publish([changed.image_id])
        cache.keep("/a", "/a", changed, reading)

    assert cache.find("/a") is None


async def test_one_caller_renews_while_the_others_are_served(bus: EventBus) -> None:
    cache = DeliveryCache[str](bus, max_body_bytes=1000)
    deliverable = found(10)
    with cache.reading() as reading:
        cache.keep("/a", "/a", deliverable, reading, trust_s=TRUST_ALONE_S)

    await eventually(lambda: cache.find("/a", may_renew=False) is None, "its time is over")
    answers = [cache.find("/a") for _ in range(10)]

    assert answers.count(None) in {1, 10}  # ten, where the machine took so long that its time is over
    assert answers[0] is None
