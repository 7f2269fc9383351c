"""No bytes make `probe` or `clean` fail in another way than with an error of the house, or never end."""

import functools
import io
import struct
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.cleaning.clean import clean
from app.domain.cleaning.png import rebuild_png
from app.domain.formats import ImageFormat
from app.domain.headers.exif import read_exif
from app.domain.headers.facts import Budget
from app.domain.headers.probe import probe
from app.domain.variants import MetadataPolicy
from app.errors import SafelightError
from tests.support.pictures import (
    Tags,
    join_png,
    make_avif,
    make_gif,
    make_jpeg,
    make_png,
    make_srgb_profile,
    make_webp,
)

TAGS = Tags(6, gps=True, camera=True, xmp=True, comment=True, icc=make_srgb_profile())
HEIC_BRAND = b"ftypheic"
# Made when they are needed: encoders take their time.
PICTURES = {
    "jpeg": lambda: make_jpeg(tags=TAGS),
    "progressive": lambda: make_jpeg(progressive=True, restart_rows=1),
    "png": lambda: make_png(alpha=True, tags=TAGS),
    "apng": lambda: make_png(frames=3),
    "gif": lambda: make_gif(frames=3, tags=TAGS),
    "webp": lambda: make_webp(alpha=True, tags=TAGS),
    "moving webp": lambda: make_webp(frames=3, tags=TAGS),
    "avif": lambda: make_avif(alpha=True, tags=TAGS),
    "moving avif": lambda: make_avif(frames=3, alpha=True),
    "heic": lambda: make_avif(tags=TAGS).replace(b"ftypavif", HEIC_BRAND, 1),
}
NEAR_ANOTHER = {"progressive", "apng", "moving webp", "moving avif"}
NAMES = [
    pytest.param(name, marks=pytest.mark.full("make test has the plain kind of this format"))
    if name in NEAR_ANOTHER
    else name
    for name in PICTURES
]


@functools.cache
def picture(name: str) -> bytes:
    return PICTURES[name]()


def take_apart(content: bytes) -> None:
    source = io.BytesIO(content)
    try:
        facts = probe(source, budget=Budget())
    except SafelightError:
        return
    read_exif(source, facts)
    for metadata in MetadataPolicy:
        if facts.format is ImageFormat.HEIC:
            continue
        try:
            clean(source, io.BytesIO(), facts, metadata=metadata)
            if facts.format is ImageFormat.PNG:
                rebuild_png(source, io.BytesIO())
        except SafelightError:
            return


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_mutated_pictures_raise_errors_of_the_house_only(name: str, data: st.DataObject) -> None:
    content = bytearray(picture(name))
    # Most structure stands in the first bytes.
    places = st.one_of(st.integers(0, min(700, len(content) - 1)), st.integers(0, len(content) - 1))
    for _ in range(data.draw(st.integers(1, 6))):
        value = data.draw(st.sampled_from([0, 1, 4, 0x7F, 0x80, 0xFE, 0xFF]) | st.integers(0, 255))
        content[data.draw(places)] = value
    end = data.draw(st.just(len(content)) | st.integers(0, len(content)))

    take_apart(bytes(content[:end]))


@pytest.mark.parametrize("name", NAMES)
def test_every_truncation_raises_errors_of_the_house_only(name: str) -> None:
    content = picture(name)

    for end in range(0, len(content), 7):
        take_apart(content[:end])


JPEG, GIF, WEBP = make_jpeg(), make_gif(), make_webp(tags=TAGS)
SCAN = JPEG.index(b"\xff\xda")
HEADER = (b"IHDR", struct.pack(">IIBBBBB", 64, 48, 8, 2, 0, 0, 0))
PIXELS, END = (b"IDAT", zlib.compress(bytes(193 * 48))), (b"IEND", b"")
TEXT_BOMB = (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(1 << 20)))
FLOODS = {
    "jpeg of comments": lambda: JPEG[:2] + b"\xff\xfe\0\x02" * 1_000_000 + JPEG[2:],
    "jpeg of lone markers": lambda: JPEG[:SCAN] + b"\xff\x01" * 5_000_000 + JPEG[SCAN:],
    "jpeg of fill bytes": lambda: JPEG[:-2] + b"\xff" * 10_000_000,
    "png of chunks": lambda: join_png([HEADER]) + b"\0\0\0\0teXt\0\0\0\0" * 1_000_000,
    "png of text bombs": lambda: join_png([HEADER, *[TEXT_BOMB] * 5_000, PIXELS, END]),
    "png of program text": lambda: join_png([HEADER, (b"IDAT", b"<?=" * 5_000_000), END]),
    "gif of pieces": lambda: GIF[:-2] + b"\x01\x00" * 5_000_000,
    "gif of comments": lambda: GIF[:-1] + b"!\xfe\x01x\0" * 2_000_000,
    "gif of frames": lambda: GIF[:-1] + b",\0\0\0\0\1\0\1\0\0\2\1x\0" * 1_000_000,
    "webp of chunks": lambda: WEBP[:4] + b"\xff\xff\xff\x7f" + WEBP[8:] + b"junk\0\0\0\0" * 1_000_000,
    "avif of boxes": lambda: make_avif() + b"\0\0\0\x08free" * 1_000_000,
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods_end(name: str) -> None:
    # A second or less each; looking at all that came before for every piece would take days.
    take_apart(FLOODS[name]())
