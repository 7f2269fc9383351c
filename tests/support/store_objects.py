"""What tests of stores do with objects, in one word each."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from app.domain.variants import Family
from app.errors import ErrorCode, Unavailable
from app.ids import ImageId
from app.storage.port import ObjectKey, ObjectStore
from tests.support.waiting import in_time

BIG_BYTES = 11 * 1024 * 1024 + 12345
"""Three parts in S3, the last one short."""


async def assert_all_unavailable(store: ObjectStore, key: ObjectKey, source: Path, tmp_path: Path) -> None:
    small = write(tmp_path, b"small")
    await asyncio.gather(
        assert_unavailable(store.check),
        assert_unavailable(lambda: store.stat(key)),
        assert_unavailable(lambda: store.read(key, max_bytes=10)),
        assert_unavailable(lambda: drain(store, key)),
        assert_unavailable(lambda: store.fetch(key, tmp_path / "unfetched")),
        assert_unavailable(lambda: store.put(key, source, media_type="image/png")),
        assert_unavailable(lambda: store.put(key, small, media_type="image/png")),
        assert_unavailable(lambda: list_keys(store)),
    )
    assert not (tmp_path / "unfetched").exists()


async def assert_unavailable(action: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(Unavailable) as raised:
        await in_time(action())
    assert raised.value.code is ErrorCode.UNAVAILABLE
    assert raised.value.retry_after_s is not None


async def collect(store: ObjectStore, key: ObjectKey, byte_range: tuple[int, int] | None = None) -> bytes:
    async with store.open(key, byte_range) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def drain(store: ObjectStore, key: ObjectKey) -> None:
    async with store.open(key) as chunks:
        await exhaust(chunks)


async def exhaust(chunks: AsyncIterator[bytes]) -> None:
    async for _ in chunks:
        pass


async def list_keys(store: ObjectStore) -> set[ObjectKey]:
    return {stat.key async for stat in store.list_objects()}


def make_variant_key(image_id: ImageId, size: str) -> ObjectKey:
    return ObjectKey.variant(image_id, 1, 1, Family.WEBP, size, "webp")


def write(directory: Path, content: bytes) -> Path:
    path = directory / f"source-{hashlib.sha256(content).hexdigest()[:16]}"
    path.write_bytes(content)
    return path


def write_big(path: Path) -> Path:
    with path.open("wb") as file:
        for start in range(0, BIG_BYTES, 1024 * 1024):
            file.write(os.urandom(min(1024 * 1024, BIG_BYTES - start)))
    return path


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def measure_growth(work: Awaitable[object]) -> int:
    """By how many bytes this process grows at most while `work` is done, looked at all along."""
    before_bytes = peak_bytes = _resident_bytes()
    doing = asyncio.ensure_future(work)
    while not doing.done():
        peak_bytes = max(peak_bytes, _resident_bytes())
        await asyncio.sleep(0.005)
    await doing
    return peak_bytes - before_bytes


def _resident_bytes() -> int:
    # What is this process's own: pages of files that are sent from the page cache do not count.
    fields = Path("/proc/self/smaps_rollup").read_text().split()
    return sum(int(fields[fields.index(name) + 1]) for name in ("Private_Clean:", "Private_Dirty:")) * 1024
