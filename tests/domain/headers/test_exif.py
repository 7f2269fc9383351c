"""What `read_exif` tells of the camera."""

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.formats import ImageFormat
from app.domain.headers.exif import parse_exif, read_exif
from app.domain.headers.facts import Budget, ExifFacts
from app.domain.headers.probe import probe
from app.domain.headers.tiff import find_orientation
from tests.support.pictures import ALL_TAGS, CANARY, LATITUDE, LONGITUDE, Tags, make_exif, make_picture

WITH_EXIF = [ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.AVIF]


def read_exif_of(content: bytes) -> ExifFacts | None:
    file = io.BytesIO(content)
    return read_exif(file, probe(file, budget=Budget()))


@pytest.mark.parametrize("codec", WITH_EXIF)
def test_the_cameras_facts_are_read(codec: ImageFormat) -> None:
    facts = read_exif_of(make_picture(codec, tags=ALL_TAGS))

    assert facts == ExifFacts(
        make=f"Maker {CANARY}",
        model=f"Model {CANARY}",
        lens=f"Lens {CANARY}",
        taken_at="2024-05-06T07:08:09+02:00",
        exposure_time="1/250",
        f_number=2.8,
        iso=200,
        focal_length_mm=35.0,
        latitude=LATITUDE,
        longitude=LONGITUDE,
        copyright="(c) Jane Doe",
        artist="Jane Doe",
    )


@pytest.mark.parametrize("codec", [*WITH_EXIF, ImageFormat.GIF])
def test_a_picture_without_exif_has_no_facts(codec: ImageFormat) -> None:
    assert read_exif_of(make_picture(codec)) is None


def test_texts_lose_control_characters_and_end_at_255() -> None:
    block = make_exif(Tags(camera=True)).replace(b"(c) Jane Doe", b"\x1b[\x07]\nJane")

    assert parse_exif(block).copyright == "[]Jane"


def test_a_position_out_of_range_is_none() -> None:
    # 48 degrees as a rational of 48/1, made 4,800/1.
    block = make_exif(Tags(gps=True)).replace((48).to_bytes(4, "big"), (4800).to_bytes(4, "big"))
    block = block.replace((48).to_bytes(4, "little"), (4800).to_bytes(4, "little"))

    assert parse_exif(block) == ExifFacts()


@given(st.data())
def test_mutated_exif_never_raises(data: st.DataObject) -> None:
    block = bytearray(make_exif(Tags(orientation=6, gps=True, camera=True)))
    for _ in range(data.draw(st.integers(1, 8))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))

    facts = parse_exif(bytes(block[: data.draw(st.integers(0, len(block)))]))

    assert find_orientation(bytes(block)) in range(1, 9)
    assert all(text is None or len(text) <= 255 for text in (facts.make, facts.model, facts.lens, facts.copyright))
    assert facts.latitude is None or -90 <= facts.latitude <= 90


@pytest.mark.parametrize(
    ("noted", "moment"),
    [
        (None, None),
        ("2024-05-06T07:08:09", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("2024-05-06T07:08:09+02:00", datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-12:00", None),
    ],
)
def test_the_moment_of_a_picture_is_in_utc(noted: str | None, moment: datetime | None) -> None:
    assert ExifFacts(taken_at=noted).taken_moment == moment
