"""One suite for every object store: what the port promises holds on a directory and on S3 alike."""

import asyncio
import os
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from app.errors import Unavailable
from app.ids import ImageId, make_uuid
from app.storage.port import CHUNK_BYTES, ObjectKey, ObjectNotFound, ObjectStore
from tests.support.store_objects import (
    collect,
    list_keys,
    make_variant_key,
    write,
)


class TestRoundTrip:
    async def test_what_is_put_is_read_back(self, store: ObjectStore, key: ObjectKey, tmp_path: Path) -> None:
        content = os.urandom(100_000)

        await store.put(key, write(tmp_path, content), media_type="image/jpeg")

        assert await store.read(key, max_bytes=100_000) == content
        assert await collect(store, key) == content

    @pytest.mark.parametrize("byte_size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1])
    async def test_every_length_is_kept(
        self, store: ObjectStore, key: ObjectKey, tmp_path: Path, byte_size: int
    ) -> None:
        content = os.urandom(byte_size)

        await store.put(key, write(tmp_path, content), media_type="image/png")

        assert await collect(store, key) == content
        stat = await store.stat(key)
        assert stat is not None
        assert stat.byte_size == byte_size

    async def test_source_is_copied_and_left_alone(self, store: ObjectStore, key: ObjectKey, tmp_path: Path) -> None:
        source = write(tmp_path, b"first")
        await store.put(key, source, media_type="image/png")

        source.write_bytes(b"changed")

        assert await store.read(key, max_bytes=100) == b"first"

    async def test_fetched_file_has_the_bytes(self, store: ObjectStore, key: ObjectKey, tmp_path: Path) -> None:
        content = os.urandom(CHUNK_BYTES * 3 + 7)
        await store.put(key, write(tmp_path, content), media_type="image/png")

        await store.fetch(key, tmp_path / "fetched")

        assert (tmp_path / "fetched").read_bytes() == content

    async def test_reading_as_a_whole_is_bounded(self, store: ObjectStore, key: ObjectKey, tmp_path: Path) -> None:
        await store.put(key, write(tmp_path, b"12345"), media_type="image/png")

        assert await store.read(key, max_bytes=5) == b"12345"
        with pytest.raises(ValueError, match="more than 4 bytes"):
            await store.read(key, max_bytes=4)

    async def test_stat_tells_size_and_time(self, store: ObjectStore, key: ObjectKey, tmp_path: Path) -> None:
        # Stores round the time to the second.
        earliest = datetime.now(UTC) - timedelta(seconds=2)

        await store.put(key, write(tmp_path, b"12345"), media_type="image/png")

        stat = await store.stat(key)
        assert stat is not None
        assert (stat.key, stat.byte_size) == (key, 5)
        assert earliest <= stat.modified_at <= datetime.now(UTC) + timedelta(seconds=2)

    async def test_ready_store_passes_its_check_and_can_be_made_ready_twice(self, store: ObjectStore) -> None:
        await store.make_ready()

        await store.check()


class TestRanges:
    @pytest.mark.parametrize(
        "byte_range", [(0, 0), (0, 999_999), (5, 9), (300_000, 900_000), (999_999, 999_999), (999_990, 5_000_000)]
    )
    async def test_range_gives_just_these_bytes(
        self, store: ObjectStore, key: ObjectKey, tmp_path: Path, byte_range: tuple[int, int]
    ) -> None:
        content = os.urandom(1_000_000)
        await store.put(key, write(tmp_path, content), media_type="image/png")

        assert await collect(store, key, byte_range) == content[byte_range[0] : byte_range[1] + 1]

    async def test_range_beyond_the_end_is_not_found(self, store: ObjectStore, key: ObjectKey, tmp_path: Path) -> None:
        await store.put(key, write(tmp_path, b"12345"), media_type="image/png")

        with pytest.raises(ObjectNotFound):
            await collect(store, key, (5, 6))

    async def test_chunks_are_bounded(self, store: ObjectStore, key: ObjectKey, tmp_path: Path) -> None:
        await store.put(key, write(tmp_path, os.urandom(1_000_000)), media_type="image/png")

        async with store.open(key) as chunks:
            lengths = [len(chunk) async for chunk in chunks]

        assert max(lengths) <= CHUNK_BYTES
        assert min(lengths) > 0

    async def test_a_reader_may_leave_early(self, store: ObjectStore, key: ObjectKey, tmp_path: Path) -> None:
        await store.put(key, write(tmp_path, os.urandom(1_000_000)), media_type="image/png")

        for _ in range(40):  # more often than there are connections
            async with store.open(key) as chunks:
                assert await anext(chunks)


class TestMissing:
    async def test_what_is_not_there_is_told_before_the_first_chunk(
        self, store: ObjectStore, key: ObjectKey, tmp_path: Path
    ) -> None:
        with pytest.raises(ObjectNotFound):
            async with store.open(key):
                pytest.fail("the body ran")
        with pytest.raises(ObjectNotFound):
            await store.read(key, max_bytes=10)
        with pytest.raises(ObjectNotFound):
            await store.fetch(key, tmp_path / "fetched")
        assert await store.stat(key) is None
        assert not (tmp_path / "fetched").exists()

    async def test_deleting_twice_is_no_error(self, store: ObjectStore, key: ObjectKey, tmp_path: Path) -> None:
        await store.put(key, write(tmp_path, b"12345"), media_type="image/png")

        for keys in ([key], [key], []):
            await store.delete(keys)

        assert await store.stat(key) is None
        assert await list_keys(store) == set()

    async def test_deleting_one_leaves_its_neighbours(
        self, store: ObjectStore, image_id: ImageId, tmp_path: Path
    ) -> None:
        keys = [make_variant_key(image_id, size) for size in ("w128", "w256", "w512")]
        for each in keys:
            await store.put(each, write(tmp_path, b"12345"), media_type="image/webp")

        await store.delete(keys[:2])

        assert await list_keys(store) == {keys[2]}

    async def test_an_object_can_come_back_after_its_deletion(
        self, store: ObjectStore, key: ObjectKey, tmp_path: Path
    ) -> None:
        for content in (b"one", b"two"):
            await store.put(key, write(tmp_path, content), media_type="image/png")
            assert await store.read(key, max_bytes=10) == content
            await store.delete([key])


class TestOverwriting:
    async def test_readers_see_one_whole_object(self, store: ObjectStore, key: ObjectKey, tmp_path: Path) -> None:
        contents = [bytes([number]) * 700_000 for number in range(8)]
        sources = [write(tmp_path, content) for content in contents]
        await store.put(key, sources[0], media_type="image/png")
        is_over = asyncio.Event()
        seen: set[bytes] = set()

        async def read_on() -> None:
            while not is_over.is_set():
                try:
                    seen.add(await collect(store, key))
                except Unavailable:
                    continue  # broken off, which is allowed where mixing is not

        reader = asyncio.create_task(read_on())
        for source in sources[1:]:
            await store.put(key, source, media_type="image/png")
        is_over.set()
        await reader

        assert seen <= set(contents)
        assert await collect(store, key) == contents[-1]

    async def test_writers_at_once_leave_one_of_theirs(
        self, store: ObjectStore, key: ObjectKey, tmp_path: Path
    ) -> None:
        contents = [bytes([number]) * 400_000 for number in range(8)]
        sources = [write(tmp_path, content) for content in contents]

        await asyncio.gather(*(store.put(key, source, media_type="image/png") for source in sources))

        assert await collect(store, key) in contents
        assert await list_keys(store) == {key}

    async def test_putting_and_deleting_in_one_directory_do_not_disturb_each_other(
        self, store: ObjectStore, image_id: ImageId, tmp_path: Path
    ) -> None:
        source = write(tmp_path, b"12345")

        async def come_and_go(size: str) -> None:
            for _ in range(12):
                await store.put(make_variant_key(image_id, size), source, media_type="image/webp")
                await store.delete([make_variant_key(image_id, size)])

        await asyncio.gather(*(come_and_go(f"w{number}") for number in range(6)))

        assert await list_keys(store) == set()


class TestListing:
    async def test_all_objects_are_listed_once(self, store: ObjectStore, tmp_path: Path) -> None:
        source = write(tmp_path, b"12345")
        keys = {ObjectKey.upload(ImageId(make_uuid()), 1, uuid4()) for _ in range(30)}
        await asyncio.gather(*(store.put(each, source, media_type="image/png") for each in keys))

        found = [stat async for stat in store.list_objects()]

        assert {stat.key for stat in found} == keys
        assert len(found) == len(keys)
        assert {stat.byte_size for stat in found} == {5}

    @pytest.mark.parametrize(
        "store",
        ["local", "s3", pytest.param("s3+cache", marks=pytest.mark.full("the cache lists nothing itself"))],
        indirect=True,
    )
    async def test_listing_goes_on_past_the_first_thousand(
        self, store: ObjectStore, image_id: ImageId, tmp_path: Path
    ) -> None:
        source = write(tmp_path, b"1")
        keys = {ObjectKey.upload(image_id, 1, uuid4()) for _ in range(1030)}
        await asyncio.gather(*(store.put(each, source, media_type="image/png") for each in keys))

        assert await list_keys(store) == keys
        await store.delete(keys)
        assert await list_keys(store) == set()

    async def test_one_image_is_listed_alone(self, store: ObjectStore, image_id: ImageId, tmp_path: Path) -> None:
        source = write(tmp_path, b"12345")
        mine = {
            ObjectKey.upload(image_id, 1, uuid4()),
            ObjectKey.upload(image_id, 2, uuid4()),
            make_variant_key(image_id, "w128"),
        }
        others = {ObjectKey.upload(ImageId(make_uuid()), 1, uuid4())}
        for each in mine | others:
            await store.put(each, source, media_type="image/png")

        found = {stat.key async for stat in store.list_objects(image_id)}

        assert found == mine
        assert {each.image_id for each in found} == {image_id}
        assert [stat async for stat in store.list_objects(ImageId(make_uuid()))] == []

    async def test_only_older_objects_are_listed(self, store: ObjectStore, key: ObjectKey, tmp_path: Path) -> None:
        await store.put(key, write(tmp_path, b"12345"), media_type="image/png")
        hour = timedelta(hours=1)

        before = [stat async for stat in store.list_objects(older_than=datetime.now(UTC) - hour)]
        after = [stat.key async for stat in store.list_objects(older_than=datetime.now(UTC) + hour)]

        assert before == []
        assert after == [key]

    async def test_a_listing_may_be_left_early(self, store: ObjectStore, key: ObjectKey, tmp_path: Path) -> None:
        await store.put(key, write(tmp_path, b"12345"), media_type="image/png")

        async with aclosing(store.list_objects()) as found:  # type: ignore[type-var]  # both are generators
            assert (await anext(found)).key == key
