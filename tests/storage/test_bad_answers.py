"""An S3 store that answers now and then with 500, 502, 503 or 504: asked again shortly after, for every operation."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from app.errors import Unavailable
from app.ids import ImageId, make_uuid
from app.storage.opening import open_store
from app.storage.port import ObjectKey, ObjectStore
from tests.support.failing_store import FailingStore, failing_before
from tests.support.servers.s3 import S3Server
from tests.support.store_objects import collect, digest, list_keys, write, write_big

FAULTS = [(500, "InternalError"), (502, "BadGateway"), (503, "SlowDown"), (504, "GatewayTimeout")]


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FailingStore]:
    with failing_before(s3_server.endpoint) as proxy:
        yield proxy


@pytest.fixture
async def store(s3_server: S3Server, proxy: FailingStore):  # type: ignore[no-untyped-def]  # a generator
    url = s3_server.url(s3_server.create_bucket()).replace(s3_server.endpoint, proxy.endpoint)
    store = open_store(url)
    await store.make_ready()
    yield store
    await store.close()


@pytest.mark.parametrize(("status", "code"), FAULTS)
async def test_every_operation_is_tried_again_after_a_bad_status(
    store: ObjectStore, proxy: FailingStore, tmp_path: Path, status: int, code: str
) -> None:
    key, big_key = (ObjectKey.upload(ImageId(make_uuid()), 1, uuid4()) for _ in range(2))
    # The first time that something is asked it is refused.
    proxy.fails = lambda method, target, before: (status, code) if before == 0 else None

    await store.put(key, write(tmp_path, b"12345"), media_type="image/png")
    big = write_big(tmp_path / "big")
    await store.put(big_key, big, media_type="image/png")
    await store.fetch(big_key, tmp_path / "fetched")
    assert digest(tmp_path / "fetched") == digest(big)
    assert await collect(store, key) == b"12345"
    assert await store.stat(key) is not None
    assert await list_keys(store) == {key, big_key}
    await store.trash.add([key], on=datetime.now(UTC).date())
    assert await store.trash.empty(before=datetime.now(UTC).date() + timedelta(days=1), limit=5) == 1
    await store.delete([big_key])
    await store.check()

    assert await list_keys(store) == set()
    assert {method for method, _ in proxy.failed} == {"PUT", "POST", "GET", "HEAD", "DELETE"}


async def test_a_store_that_goes_on_refusing_is_unavailable_and_reported_with_its_code(
    store: ObjectStore, proxy: FailingStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = ObjectKey.upload(ImageId(make_uuid()), 1, uuid4())
    proxy.fails = lambda method, target, before: (503, "SlowDown") if method == "PUT" else None

    with caplog.at_level(logging.WARNING), pytest.raises(Unavailable):
        await store.put(key, write(tmp_path, b"12345"), media_type="image/png")

    assert 2 <= len(proxy.failed) <= 3
    assert [record for record in caplog.records if getattr(record, "code", "") == "SlowDown"]
    assert await list_keys(store) == set()


async def test_a_wrong_clock_is_named(
    store: ObjectStore, proxy: FailingStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.fails = lambda method, target, before: (403, "RequestTimeTooSkewed")

    with caplog.at_level(logging.WARNING), pytest.raises(Unavailable) as caught:
        await store.put(
            ObjectKey.upload(ImageId(make_uuid()), 1, uuid4()), write(tmp_path, b"1"), media_type="image/png"
        )

    (record,) = [record for record in caplog.records if getattr(record, "code", "") == "RequestTimeTooSkewed"]
    assert "clock" in record.__dict__["reason"]
    assert "clock" in caught.value.__dict__["advice"]


async def test_a_store_without_the_newer_requests_is_asked_by_the_older_ones(
    store: ObjectStore, proxy: FailingStore, tmp_path: Path
) -> None:
    keys = [ObjectKey.upload(ImageId(make_uuid()), 1, uuid4()) for _ in range(3)]

    def lacks(method: str, target: str, before: int) -> tuple[int, str] | None:
        is_lacking = (method == "POST" and "delete" in target) or "list-type=2" in target or "x-copy" in target
        return (501, "NotImplemented") if is_lacking else None

    proxy.fails = lacks
    for key in keys:
        await store.put(key, write(tmp_path, b"12345"), media_type="image/png")

    assert await list_keys(store) == set(keys)
    await store.delete(keys[:2])
    assert await list_keys(store) == {keys[2]}
    await store.trash.add(keys[2:], on=datetime.now(UTC).date())
    assert await store.trash.empty(before=datetime.now(UTC).date() + timedelta(days=1), limit=5) == 1
    assert proxy.failed
