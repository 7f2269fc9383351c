"""What a store keeps beside images: its trash and its marker; on a directory and on S3 alike."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.ids import ImageId, make_uuid
from app.storage.port import ObjectKey, ObjectNotFound, ObjectStore
from tests.support.store_objects import list_keys, make_variant_key, write


class TestTrash:
    async def test_what_is_in_the_trash_is_neither_listed_nor_read(
        self, store: ObjectStore, key: ObjectKey, tmp_path: Path
    ) -> None:
        await store.put(key, write(tmp_path, b"12345"), media_type="image/png")
        today = datetime.now(UTC).date()

        await store.trash.add([key, make_variant_key(ImageId(make_uuid()), "small")], on=today)

        assert await list_keys(store) == set()
        with pytest.raises(ObjectNotFound):
            await store.read(key, max_bytes=10)
        assert await store.trash.empty(before=today, limit=10) == 0
        assert await store.trash.empty(before=today + timedelta(days=1), limit=10) == 1
        assert await store.trash.empty(before=today + timedelta(days=1), limit=10) == 0

    async def test_days_are_emptied_in_their_order_and_in_bounded_amounts(
        self, store: ObjectStore, tmp_path: Path
    ) -> None:
        today = datetime.now(UTC).date()
        for age in (3, 2, 1):
            keys = [make_variant_key(ImageId(make_uuid()), "small") for _ in range(2)]
            for key in keys:
                await store.put(key, write(tmp_path, b"12345"), media_type="image/png")
            await store.trash.add(keys, on=today - timedelta(days=age))

        counts = [await store.trash.empty(before=today - timedelta(days=1), limit=3) for _ in range(3)]

        assert counts == [3, 1, 0]
        assert await store.trash.empty(before=today, limit=9) == 2


class TestMarker:
    async def test_a_store_keeps_what_is_said_of_it(self, store: ObjectStore) -> None:
        assert await store.read_marker() is None
        await store.write_marker(b"one")
        await store.write_marker(b"two")
        assert await store.read_marker() == b"two"
        assert await list_keys(store) == set()
