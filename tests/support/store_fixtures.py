"""Every store, and keys to try it with."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.ids import ImageId, make_uuid
from app.storage.cache_files import CacheFolder
from app.storage.disk_cache import CachedStore
from app.storage.opening import open_store
from app.storage.port import ObjectKey, ObjectStore


@pytest.fixture(params=["local", "s3", "s3+cache"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, unhurried: None) -> AsyncIterator[ObjectStore]:
    url = request.getfixturevalue("s3_url") if "s3" in request.param else (tmp_path / "objects").as_uri()
    opened = open_store(url)
    if request.param == "s3+cache":
        opened = CachedStore(opened, CacheFolder(tmp_path / "cache", max_bytes=64 * 1024 * 1024))
    await opened.make_ready()
    yield opened
    await opened.close()


@pytest.fixture
def image_id() -> ImageId:
    return ImageId(make_uuid())


@pytest.fixture
def key(image_id: ImageId) -> ObjectKey:
    return ObjectKey.upload(image_id, 1, uuid4())
