"""What each store does when what lies beneath it is away, hangs or was left half done; and where its objects lie."""

import asyncio
import fcntl
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.errors import Unavailable
from app.ids import ImageId, make_uuid
from app.storage.opening import open_store
from app.storage.port import ObjectKey, ObjectStore
from tests.support.servers.s3 import S3Server, run_s3
from tests.support.store_objects import (
    assert_all_unavailable,
    assert_unavailable,
    digest,
    exhaust,
    list_keys,
    write,
    write_big,
)
from tests.support.waiting import eventually, in_time


@pytest.fixture(scope="module")
def faulty_s3() -> Iterator[S3Server]:
    """A server of this module's own, left running by each test."""
    with run_s3() as server:
        yield server


async def is_ready(store: ObjectStore) -> bool:
    await store.make_ready()
    return True


async def is_there(store: ObjectStore, key: ObjectKey) -> bool:
    return await store.stat(key) is not None


class TestS3Faults:
    async def test_killed_server_is_unavailable_and_recovered_from(
        self, faulty_s3: S3Server, key: ObjectKey, tmp_path: Path
    ) -> None:
        server = faulty_s3
        store = open_store(server.url("killed"))
        await eventually(lambda: is_ready(store), ignoring=(Unavailable,))
        source = write_big(tmp_path / "big")
        await store.put(key, source, media_type="image/png")

        # Killed in the middle of reading and writing.
        async with store.open(key) as chunks:
            await anext(chunks)
            writing = [
                asyncio.create_task(
                    store.put(ObjectKey.upload(key.image_id, 1, uuid4()), source, media_type="image/png")
                )
                for _ in range(4)
            ]
            server.kill()
            await assert_unavailable(lambda: exhaust(chunks))
        results = await in_time(asyncio.gather(*writing, return_exceptions=True))
        assert [type(result).__mro__[1] for result in results] == [Unavailable] * 4

        # And away from the beginning.
        await assert_all_unavailable(store, key, source, tmp_path)

        server.start()

        await eventually(lambda: is_ready(store), ignoring=(Unavailable,))
        assert await list_keys(store) == {key}
        await store.put(ObjectKey.upload(key.image_id, 2, uuid4()), source, media_type="image/png")
        await store.fetch(key, tmp_path / "fetched")
        assert digest(tmp_path / "fetched") == digest(source)
        await store.close()

    async def test_no_request_waits_for_a_server_that_hangs(
        self, faulty_s3: S3Server, key: ObjectKey, tmp_path: Path
    ) -> None:
        server = faulty_s3
        store = open_store(server.url("hanging"))
        await eventually(lambda: is_ready(store), ignoring=(Unavailable,))
        source = write_big(tmp_path / "big")
        await store.put(key, source, media_type="image/png")

        server.pause()

        await assert_all_unavailable(store, key, source, tmp_path)
        server.resume()
        await eventually(lambda: is_there(store, key), ignoring=(Unavailable,))
        await store.close()

    async def test_wrong_secret_is_unavailable_and_not_told(self, s3_url: str) -> None:
        account, _, rest = s3_url.removeprefix("s3://").partition("@")
        store = open_store(f"s3://{account.partition(':')[0]}:wrong-one@{rest}")

        with pytest.raises(Unavailable) as raised:
            await store.read(ObjectKey.upload(ImageId(make_uuid()), 1, uuid4()), max_bytes=10)

        assert "wrong-one" not in repr(raised.value)
        assert "wrong-one" not in repr(raised.value.__cause__)
        await store.close()

    async def test_lost_bucket_is_no_missing_object(self, s3_server: S3Server, key: ObjectKey) -> None:
        store = open_store(s3_server.url("never-made"))

        with pytest.raises(Unavailable):
            await store.check()
        with pytest.raises(Unavailable):
            await store.read(key, max_bytes=10)
        await store.close()


class TestLocalFaults:
    async def test_missing_disk_is_unavailable_and_nothing_is_written_in_its_place(
        self, key: ObjectKey, tmp_path: Path
    ) -> None:
        root = tmp_path / "objects"
        store = open_store(root.as_uri())
        await store.make_ready()
        source = write(tmp_path, b"12345")
        await store.put(key, source, media_type="image/png")

        root.rename(tmp_path / "unmounted")

        await assert_all_unavailable(store, key, source, tmp_path)
        assert not root.exists()
        (tmp_path / "unmounted").rename(root)
        assert await store.read(key, max_bytes=10) == b"12345"

    async def test_no_half_written_file_is_left(self, key: ObjectKey, tmp_path: Path) -> None:
        root = tmp_path / "objects"
        store = open_store(root.as_uri())
        await store.make_ready()
        abandoned, current = root / ".incoming" / "abandoned", root / ".incoming" / "current"
        abandoned.write_bytes(b"half")

        with current.open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            await store.put(key, write(tmp_path, b"12345"), media_type="image/png")

            assert await list_keys(store) == {key}
            assert list((root / ".incoming").iterdir()) == [current]

    async def test_empty_directories_are_pruned(self, key: ObjectKey, tmp_path: Path) -> None:
        root = tmp_path / "objects"
        store = open_store(root.as_uri())
        await store.make_ready()
        await store.put(key, write(tmp_path, b"12345"), media_type="image/png")

        await store.delete([key])

        assert [path.name for path in root.rglob("*")] == [".incoming"]

    async def test_foreign_files_are_passed_over(self, key: ObjectKey, tmp_path: Path) -> None:
        root = tmp_path / "objects"
        store = open_store(root.as_uri())
        await store.make_ready()
        await store.put(key, write(tmp_path, b"12345"), media_type="image/png")
        (root / "lost+found").mkdir()
        (root / "lost+found" / "README").write_text("not ours")

        assert await list_keys(store) == {key}

    async def test_object_lies_where_the_store_says(self, key: ObjectKey, tmp_path: Path) -> None:
        store = open_store((tmp_path / "objects").as_uri())
        await store.make_ready()
        await store.put(key, write(tmp_path, b"12345"), media_type="image/png")

        path = store.local_path(key)

        assert path is not None
        assert path.read_bytes() == b"12345"
        assert store.url(key) == path.as_uri()
        # Two levels above the image's own directory.
        assert len(path.relative_to(tmp_path / "objects").parts) == 2 + len(str(key).split("/"))


async def test_s3_objects_have_an_address_and_no_path(s3_url: str, key: ObjectKey) -> None:
    store = open_store(s3_url)
    bucket = s3_url.rpartition("/")[2].partition("?")[0]

    assert store.url(key) == f"s3://{bucket}/{key}"
    assert store.local_path(key) is None
    await store.close()


async def test_s3_objects_have_their_media_type(s3_server: S3Server, key: ObjectKey, tmp_path: Path) -> None:
    bucket = s3_server.create_bucket()
    store = open_store(s3_server.url(bucket))

    await store.put(key, write(tmp_path, b"12345"), media_type="image/avif")

    assert s3_server.client().stat_object(bucket, str(key)).content_type == "image/avif"
    await store.close()
    s3_server.drop_bucket(bucket)
