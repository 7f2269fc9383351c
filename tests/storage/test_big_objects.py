"""Objects of many megabytes, on a directory and on S3: they come back the same, and memory stays bounded."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from app.ids import ImageId
from app.storage.port import ObjectKey, ObjectStore
from tests.support.store_objects import BIG_BYTES, digest, drain, measure_growth, write_big


async def test_big_file_comes_back_the_same(store: ObjectStore, key: ObjectKey, tmp_path: Path) -> None:
    source = write_big(tmp_path / "big")

    await store.put(key, source, media_type="image/png")
    await store.fetch(key, tmp_path / "fetched")

    assert (await store.stat(key) or pytest.fail("gone")).byte_size == BIG_BYTES
    assert digest(tmp_path / "fetched") == digest(source)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is measured on Linux only")
@pytest.mark.parametrize(
    "store",
    ["local", "s3", pytest.param("s3+cache", marks=pytest.mark.full("the same with S3 alone is in make test"))],
    indirect=True,
)
async def test_memory_stays_bounded_with_many_big_files_at_once(
    store: ObjectStore, image_id: ImageId, tmp_path: Path
) -> None:
    source = write_big(tmp_path / "big")
    keys = [ObjectKey.upload(image_id, 1, uuid4()) for _ in range(7)]
    await store.put(keys[0], source, media_type="image/png")

    written_bytes = await measure_growth(
        asyncio.gather(*(store.put(each, source, media_type="image/png") for each in keys))
    )
    read_bytes = await measure_growth(asyncio.gather(*(drain(store, each) for each in keys)))

    # The files have 77 MiB. Writing holds one part of 5 MiB, reading a few chunks for each reader.
    assert written_bytes <= 12 * 1024 * 1024
    assert read_bytes <= 20 * 1024 * 1024
