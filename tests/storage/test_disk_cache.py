"""The disk cache in front of a store: right bytes whatever lies in its folder, one fetch for many, never too much."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from app.ids import ImageId, make_uuid
from app.storage.cache_files import CacheFolder
from app.storage.disk_cache import CachedStore
from app.storage.local import LocalStore
from app.storage.port import CHUNK_BYTES, ObjectKey, ObjectNotFound, StoreUnavailable
from tests.support.latency_store import FarStore
from tests.support.store_objects import collect, drain, write
from tests.support.waiting import in_time

MIB = 1024 * 1024


@pytest.fixture
async def far(tmp_path: Path) -> FarStore:
    store = FarStore(tmp_path / "objects")
    await store.make_ready()
    return store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
async def make_cached(far: FarStore, folder: Path) -> AsyncIterator[Callable[..., CachedStore]]:
    made: list[CachedStore] = []

    def make(max_bytes: int = 64 * MIB) -> CachedStore:
        made.append(CachedStore(far, CacheFolder(folder, max_bytes=max_bytes)))
        return made[-1]

    yield make
    for store in made:
        await store.close()


async def put(store: LocalStore, tmp_path: Path, content: bytes) -> ObjectKey:
    key = ObjectKey.upload(ImageId(make_uuid()), 1, uuid4())
    await store.put(key, write(tmp_path, content), media_type="image/png")
    return key


async def settle(store: CachedStore) -> None:
    """Until nothing is being fetched any more."""
    while tasks := store.filling_tasks:
        await in_time(asyncio.wait(tasks))


def entries(folder: Path) -> list[Path]:
    return [path for path in folder.glob("??/*") if path.is_file()]


def held_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in entries(folder))


async def test_what_was_read_once_is_read_without_the_store_also_after_a_restart(
    far: FarStore, folder: Path, make_cached: Callable[..., CachedStore], tmp_path: Path
) -> None:
    content = os.urandom(3 * CHUNK_BYTES + 17)
    key = await put(far, tmp_path, content)
    first = make_cached()
    await first.make_ready()

    assert await collect(first, key) == content
    await settle(first)
    second = make_cached()
    await second.make_ready()
    for store in (first, second):
        assert await collect(store, key) == content
        assert await store.read(key, max_bytes=MIB) == content
        for part in ((0, 0), (5, CHUNK_BYTES), (CHUNK_BYTES - 1, CHUNK_BYTES), (2 * CHUNK_BYTES + 3, 10 * MIB)):
            assert await collect(store, key, part) == content[part[0] : part[1] + 1]
        with pytest.raises(ObjectNotFound):
            await collect(store, key, (len(content), len(content) + 1))

    assert far.opened == [key]
    assert len(entries(folder)) == 1


async def test_many_who_ask_at_once_make_one_fetch_and_none_holds_it_up(
    far: FarStore, make_cached: Callable[..., CachedStore], tmp_path: Path
) -> None:
    content = os.urandom(20 * CHUNK_BYTES)
    key = await put(far, tmp_path, content)
    store = make_cached()
    await store.make_ready()

    async with store.open(key) as slow:
        first = await anext(slow)
        others = await asyncio.gather(*(collect(store, key) for _ in range(30)))
        await settle(store)
        rest = b"".join([chunk async for chunk in slow])

    assert first + rest == content
    assert others == [content] * 30
    assert far.opened == [key]


@pytest.mark.parametrize("damage", ["flipped", "short", "long", "empty", "another's"])
async def test_a_spoiled_copy_is_noticed_and_the_right_bytes_are_sent(
    far: FarStore, folder: Path, make_cached: Callable[..., CachedStore], tmp_path: Path, damage: str
) -> None:
    content = os.urandom(4 * CHUNK_BYTES + 99)
    key = await put(far, tmp_path, content)
    store = make_cached()
    await store.make_ready()
    await drain(store, key)
    await settle(store)
    (entry,) = entries(folder)
    copy = entry.read_bytes()
    spoiled = {
        "flipped": copy[: 2 * CHUNK_BYTES + 5] + bytes([copy[2 * CHUNK_BYTES + 5] ^ 1]) + copy[2 * CHUNK_BYTES + 6 :],
        "short": copy[:-1000],
        "long": copy + b"x",
        "empty": b"",
    }
    if damage == "another's":
        other = await put(far, tmp_path, os.urandom(4 * CHUNK_BYTES + 99))
        await drain(store, other)
        await settle(store)
        (foreign,) = set(entries(folder)) - {entry}
        foreign.replace(entry)
    else:
        entry.write_bytes(spoiled[damage])

    assert await collect(store, key) == content
    await settle(store)
    assert await collect(store, key) == content
    await settle(store)
    assert entry.read_bytes() == copy
    assert await collect(store, key, (2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 9)) == content[2 * CHUNK_BYTES :][:10]


async def test_the_folder_never_holds_more_than_it_may_whoever_shares_it(
    far: FarStore, folder: Path, make_cached: Callable[..., CachedStore], tmp_path: Path
) -> None:
    keys = [await put(far, tmp_path, os.urandom(150_000 + number)) for number in range(16)]
    limit = 1_000_000
    stores = [make_cached(limit), make_cached(limit)]
    for store in stores:
        await store.make_ready()

    for number, key in enumerate(keys):
        store = stores[number % 2]
        await drain(store, key)
        await settle(store)
        assert held_bytes(folder) <= limit

    assert len(entries(folder)) >= 4
    far.opened.clear()
    await drain(stores[0], keys[-1])
    assert far.opened == []


async def test_what_was_not_used_for_longest_goes_first(
    far: FarStore, folder: Path, make_cached: Callable[..., CachedStore], tmp_path: Path
) -> None:
    keys = [await put(far, tmp_path, os.urandom(200_000 + number)) for number in range(5)]
    store = make_cached(1_000_000)
    await store.make_ready()
    for key in keys[:4]:
        await drain(store, key)
        await settle(store)
    for path in entries(folder):
        os.utime(path, (1, 1))
    await drain(store, keys[0])  # used again: young once more

    await drain(store, keys[4])
    await settle(store)
    far.opened.clear()
    await drain(store, keys[0])
    await drain(store, keys[4])

    assert far.opened == []
    assert len(entries(folder)) < 5


async def test_an_object_too_large_to_be_kept_is_sent_all_the_same(
    far: FarStore, folder: Path, make_cached: Callable[..., CachedStore], tmp_path: Path
) -> None:
    content = os.urandom(6 * CHUNK_BYTES)
    key = await put(far, tmp_path, content)
    store = make_cached(MIB)
    await store.make_ready()

    for _ in range(2):
        assert await collect(store, key) == content
        await settle(store)

    assert entries(folder) == []
    assert len(far.opened) == 3  # tried, sent on; then sent on at once


async def test_a_store_that_goes_away_in_the_middle_leaves_no_copy(
    far: FarStore, folder: Path, make_cached: Callable[..., CachedStore], tmp_path: Path
) -> None:
    content = os.urandom(5 * CHUNK_BYTES)
    key = await put(far, tmp_path, content)
    store = make_cached()
    await store.make_ready()
    far.breaks_after = 2

    with pytest.raises(StoreUnavailable):
        await collect(store, key)
    far.breaks_after = 0
    with pytest.raises(StoreUnavailable):
        await collect(store, key)
    await settle(store)
    assert entries(folder) == []

    far.breaks_after = None
    assert await collect(store, key) == content


async def test_a_missing_object_is_missing_and_a_deleted_one_leaves_no_copy(
    far: FarStore, folder: Path, make_cached: Callable[..., CachedStore], tmp_path: Path
) -> None:
    key = await put(far, tmp_path, b"once")
    store = make_cached()
    await store.make_ready()
    await drain(store, key)
    await settle(store)

    await store.delete([key])

    assert entries(folder) == []
    with pytest.raises(ObjectNotFound):
        await drain(store, key)
    await store.put(key, write(tmp_path, b"twice"), media_type="image/png")
    assert await store.read(key, max_bytes=10) == b"twice"


async def test_an_object_deleted_while_it_is_fetched_is_not_kept(
    far: FarStore, folder: Path, make_cached: Callable[..., CachedStore], tmp_path: Path
) -> None:
    content = os.urandom(8 * CHUNK_BYTES)
    key = await put(far, tmp_path, content)
    store = make_cached()
    await store.make_ready()

    async with store.open(key) as chunks:
        far.gate.clear()
        first = await anext(chunks)
        await store.delete([key])
        far.gate.set()
        rest = b"".join([chunk async for chunk in chunks])
    await settle(store)

    assert first + rest == content
    assert entries(folder) == []


async def test_a_folder_that_cannot_be_used_is_passed_by(
    far: FarStore, folder: Path, make_cached: Callable[..., CachedStore], tmp_path: Path
) -> None:
    content = os.urandom(2 * CHUNK_BYTES)
    key = await put(far, tmp_path, content)
    folder.write_text("no folder")
    store = make_cached()

    await store.make_ready()

    assert await collect(store, key) == content
    await store.delete([key])
    with pytest.raises(ObjectNotFound):
        await drain(store, key)


async def test_what_a_killed_process_left_half_written_is_cleared_and_what_is_being_written_stays(
    folder: Path,
) -> None:
    cache = CacheFolder(folder, max_bytes=MIB)
    cache.make_ready()
    abandoned, file = cache.begin()
    file.close()  # as the kernel does for whoever is killed
    written, still_open = cache.begin()

    cache.make_ready()

    assert not abandoned.exists()
    assert written.exists()
    still_open.close()
