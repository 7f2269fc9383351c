"""A bit that changes on the way from the store: no reader takes the object for whole, and no copy of it is kept."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.errors import Unavailable
from app.ids import ImageId, make_uuid
from app.storage.cache_files import CacheFolder
from app.storage.disk_cache import CachedStore
from app.storage.opening import open_store
from app.storage.port import CHUNK_BYTES, ObjectKey
from tests.support.failing_store import FailingStore, failing_before
from tests.support.servers.s3 import S3Server
from tests.support.store_objects import write
from tests.support.waiting import eventually


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FailingStore]:
    with failing_before(s3_server.endpoint) as proxy:
        yield proxy


@pytest.fixture
async def cached(s3_server: S3Server, proxy: FailingStore, tmp_path: Path):  # type: ignore[no-untyped-def]  # a generator
    url = s3_server.url(s3_server.create_bucket()).replace(s3_server.endpoint, proxy.endpoint)
    store = CachedStore(open_store(url), CacheFolder(tmp_path / "cache", max_bytes=10**8))
    await store.make_ready()
    yield store
    await store.close()


async def put(store: CachedStore, tmp_path: Path, byte_size: int) -> tuple[ObjectKey, bytes, str]:
    key, content = ObjectKey.upload(ImageId(make_uuid()), 1, uuid4()), os.urandom(byte_size)
    await store.put(key, write(tmp_path, content), media_type="image/png")
    return key, content, hashlib.sha256(content).hexdigest()


async def read_all(store: CachedStore, key: ObjectKey, sha256: str) -> bytes:
    got: list[bytes] = []
    await read_into(got, store, key, sha256)
    return b"".join(got)


async def read_into(got: list[bytes], store: CachedStore, key: ObjectKey, sha256: str) -> None:
    async with store.open(key, sha256=sha256) as chunks:
        async for chunk in chunks:
            got.append(chunk)


async def test_a_small_object_is_read_again_at_once(cached: CachedStore, proxy: FailingStore, tmp_path: Path) -> None:
    key, content, sha256 = await put(cached, tmp_path, 5_000)
    proxy.flips = lambda target, before: before == 0

    assert await read_all(cached, key, sha256) == content
    assert await cached.read(key, max_bytes=10_000, sha256=sha256) == content


async def test_a_small_object_that_stays_wrong_is_unavailable_and_not_kept(
    cached: CachedStore, proxy: FailingStore, tmp_path: Path
) -> None:
    key, content, sha256 = await put(cached, tmp_path, 5_000)
    proxy.flips = lambda target, before: True

    for _ in range(2):
        with pytest.raises(Unavailable):
            await read_all(cached, key, sha256)
        with pytest.raises(Unavailable):
            await cached.read(key, max_bytes=10_000, sha256=sha256)
    proxy.flips = lambda target, before: False

    assert await read_all(cached, key, sha256) == content


async def test_a_large_object_is_cut_off_before_its_end_and_not_kept(
    cached: CachedStore, proxy: FailingStore, tmp_path: Path
) -> None:
    key, content, sha256 = await put(cached, tmp_path, 3 * CHUNK_BYTES + 17)
    proxy.flips = lambda target, before: before == 0
    got: list[bytes] = []

    with pytest.raises(Unavailable):
        await read_into(got, cached, key, sha256)
    await eventually(lambda: not cached.filling_tasks)

    assert len(b"".join(got)) < len(content)
    assert await read_all(cached, key, sha256) == content
    await eventually(lambda: not cached.filling_tasks)
    # From the cache now: the store is not asked again.
    asked = sum(proxy.seen.values())
    assert await read_all(cached, key, sha256) == content
    assert sum(proxy.seen.values()) == asked
