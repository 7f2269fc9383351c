"""Object keys are always safe, and a store's URL is understood or refused without telling its secret."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.variants import BUILT_IN_PRESETS, Family
from app.ids import ImageId
from app.storage.local import LocalStore
from app.storage.opening import open_store
from app.storage.port import ObjectKey
from app.storage.s3 import S3Store

_IMAGE_ID = ImageId(UUID("0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"))
_UPLOAD = str(ObjectKey.upload(_IMAGE_ID, 1, UUID(int=7)))
_SECRET = "s3cr3t-of-the-house"


@given(
    st.uuids(),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.sampled_from(Family),
    st.sampled_from(list(BUILT_IN_PRESETS)),
)
def test_parse_undoes_making(image: UUID, generation: int, attempt: int, family: Family, size: str) -> None:
    image_id = ImageId(image)

    upload = ObjectKey.upload(image_id, generation, uuid4())
    variant = ObjectKey.variant(image_id, generation, attempt, family, size, "webp")

    assert ObjectKey.parse(str(upload)) == upload
    assert ObjectKey.parse(str(variant)) == variant
    assert upload.image_id == variant.image_id == image_id


@given(
    st.lists(
        st.tuples(
            st.integers(0, 20), st.sampled_from(Family), st.from_regex(r"[a-z0-9][a-z0-9-]{0,3}", fullmatch=True)
        ),
        unique=True,
        min_size=2,
    )
)
def test_different_files_have_different_keys(files: list[tuple[int, Family, str]]) -> None:
    keys = {ObjectKey.variant(_IMAGE_ID, 1, attempt, family, size, "webp") for attempt, family, size in files}

    assert len(keys) == len(files)


@pytest.mark.parametrize("size", ["", "..", "a/b", "../../etc", "a\0b", "größe", "-a", ".a", "a\n", "a b", "x" * 100])
def test_size_that_could_lead_elsewhere_is_refused(size: str) -> None:
    with pytest.raises(ValueError, match="not an object key"):
        ObjectKey.variant(_IMAGE_ID, 1, 1, Family.WEBP, size, "webp")


@pytest.mark.parametrize(
    "text",
    [
        "",
        _UPLOAD.partition("/")[2],
        f"{_IMAGE_ID}/1/upload",
        f"{_IMAGE_ID}/1/upload-1",
        _UPLOAD.replace("/1/", "/1/../"),
        _UPLOAD.replace("/1/", "/../1/"),
        _UPLOAD.replace("/1/", "/01/"),
        _UPLOAD.replace("/1/", "/-1/"),
        _UPLOAD.replace("/1/", "/１/"),
        f"/{_UPLOAD}",
        f"{_UPLOAD}/",
        f"{_UPLOAD}\n",
        _UPLOAD.replace("0193a1b2", "0193A1B2"),
        f"{_IMAGE_ID}/1/tiff-w128-1.tiff",
    ],
)
def test_foreign_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an object key"):
        ObjectKey.parse(text)
    with pytest.raises(ValueError, match="not an object key"):
        ObjectKey(text)


async def test_urls_choose_the_store() -> None:
    for url, kind in [
        ("file:///var/lib/safelight/objects", LocalStore),
        ("file:///with%20blank", LocalStore),
        (f"s3://key:{_SECRET}@localhost:8333/bucket?secure=0&region=us-east-1", S3Store),
        (f"s3://key:{_SECRET}@s3.example.org/bucket", S3Store),
        (f"s3://key:{_SECRET}%2F%40%3A@s3.example.org/my.bucket-1/?region=eu-west-3", S3Store),
    ]:
        store = open_store(url)
        assert type(store) is kind
        await store.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "objects",
        "/var/objects",
        "http://example.org/bucket",
        "file://objects",
        "file://../objects",
        "file:///",
        "file:relative",
        "file:///a?b",
        "file:///a#b",
        "file:///a/../b",
        "file:///a/%2e%2e/b",
        "file:///a%00b",
        "s3://",
        "s3://bucket",
        "s3://localhost/bucket",
        f"s3://:{_SECRET}@localhost/bucket",
        "s3://key@localhost/bucket",
        f"s3://key:{_SECRET}@localhost",
        f"s3://key:{_SECRET}@localhost/",
        f"s3://key:{_SECRET}@localhost/b",
        f"s3://key:{_SECRET}@localhost/Bucket",
        f"s3://key:{_SECRET}@localhost/bucket/deeper",
        f"s3://key:{_SECRET}@localhost/..%2F..",
        f"s3://key:{_SECRET}@localhost:port/bucket",
        f"s3://key:{_SECRET}@localhost:99999/bucket",
        f"s3://key:{_SECRET}@/bucket",
        f"s3://key:{_SECRET}@local host/bucket",
        f"s3://key:{_SECRET}@[::1/bucket",
        f"s3://key:{_SECRET}/slash@localhost/bucket",
        f"s3://key:{_SECRET}#hash@localhost/bucket",
        f"s3://key:{_SECRET}?@localhost/bucket",
        f"s3://key:{_SECRET}@localhost/bucket#x",
        f"s3://key:{_SECRET}@localhost/bucket?secure=maybe",
        f"s3://key:{_SECRET}@localhost/bucket?secure",
        f"s3://key:{_SECRET}@localhost/bucket?secure=0&secure=1",
        f"s3://key:{_SECRET}@localhost/bucket?region=",
        f"s3://key:{_SECRET}@localhost/bucket?colour=red",
    ],
)
def test_wrong_url_is_refused_in_one_sentence_without_its_secret(url: str) -> None:
    with pytest.raises(ValueError, match="store's URL") as raised:
        open_store(url)

    assert _SECRET not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    assert "\n" not in str(raised.value)


async def test_location_does_not_show_its_secret() -> None:
    store = open_store(f"s3://key:{_SECRET}@localhost:8333/bucket")

    assert _SECRET not in repr(store)
    assert _SECRET not in repr(vars(store))
    await store.close()
