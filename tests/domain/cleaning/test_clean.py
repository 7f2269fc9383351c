"""Cleaning keeps the pixels and loses the rest."""

import io
import zlib
from collections.abc import Iterator

import pytest
from PIL import Image

from app.domain.cleaning.clean import clean
from app.domain.cleaning.png import rebuild_png
from app.domain.formats import ImageFormat
from app.domain.headers.exif import read_exif
from app.domain.headers.facts import Budget, ExifFacts
from app.domain.headers.probe import probe
from app.domain.variants import MetadataPolicy
from app.errors import InvalidImage
from tests.support.pictures import (
    ALL_TAGS,
    CANARY,
    Tags,
    is_upright,
    join_png,
    make_avif,
    make_gif,
    make_jpeg,
    make_picture,
    make_png,
    make_png_16_bit,
    make_srgb_profile,
    make_webp,
    open_picture,
    show,
)

CODECS = [codec for codec in ImageFormat if codec is not ImageFormat.HEIC]
TAIL = b"PK\x03\x04 hidden <?php CANARY"
SECRETS = (CANARY.encode(), b"GPS", b"xmpmeta", b"Jane", b"Maker", b"CANARY", b"<?php", b"<script", b"PK\x03\x04")


def clean_bytes(content: bytes, metadata: MetadataPolicy = MetadataPolicy.NONE) -> bytes:
    source, target = io.BytesIO(content), io.BytesIO()
    clean(source, target, probe(source, budget=Budget()), metadata=metadata)
    return target.getvalue()


def list_frames(content: bytes) -> list[tuple[bytes, object]]:
    return list(_walk_frames(Image.open(io.BytesIO(content))))


def _walk_frames(image: Image.Image) -> Iterator[tuple[bytes, object]]:
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        yield image.convert("RGBA").tobytes(), image.info.get("duration")


def find_secrets(content: bytes) -> list[bytes]:
    return [secret for secret in SECRETS if secret in content]


@pytest.mark.parametrize("codec", CODECS)
def test_secrets_go_and_pixels_stay(codec: ImageFormat) -> None:
    tags = Tags(orientation=6, gps=True, camera=True, xmp=True, comment=True, icc=make_srgb_profile())
    content = make_picture(codec, alpha=True, tags=tags) + TAIL

    cleaned = clean_bytes(content)

    assert find_secrets(content)
    assert not find_secrets(cleaned)
    assert list_frames(cleaned) == list_frames(content)
    assert show(cleaned).size == (64, 48)
    assert is_upright(show(cleaned))
    assert open_picture(cleaned).info.get("icc_profile") == open_picture(content).info.get("icc_profile")


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_facts_are_the_same_afterwards(codec: ImageFormat, orientation: int) -> None:
    content = make_picture(codec, 70, 50, tags=Tags(orientation, gps=True))
    before = probe(io.BytesIO(content), budget=Budget())

    cleaned = clean_bytes(content)

    assert probe(io.BytesIO(cleaned), budget=Budget()) == before
    assert clean_bytes(cleaned) == cleaned


@pytest.mark.parametrize("metadata", MetadataPolicy)
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(make_gif(frames=4, alpha=True, loop=3, tags=ALL_TAGS), id="gif"),
        pytest.param(make_webp(frames=4, alpha=True, tags=ALL_TAGS), id="webp"),
        pytest.param(make_png(frames=4, alpha=True, tags=ALL_TAGS), id="apng"),
        pytest.param(make_avif(frames=4, tags=ALL_TAGS), id="avif"),
        pytest.param(make_avif(frames=4, alpha=True, tags=ALL_TAGS), id="avif with alpha"),
    ],
)
def test_animations_keep_moving(content: bytes, metadata: MetadataPolicy) -> None:
    cleaned = clean_bytes(content + TAIL, metadata)

    assert list_frames(cleaned) == list_frames(content)
    assert open_picture(cleaned).info.get("loop") == open_picture(content).info.get("loop")
    assert TAIL not in cleaned


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(make_jpeg(mode="CMYK", tags=ALL_TAGS), id="CMYK"),
        pytest.param(make_jpeg(mode="L", tags=ALL_TAGS), id="grey"),
        pytest.param(make_jpeg(progressive=True, tags=ALL_TAGS), id="progressive"),
        pytest.param(make_jpeg(restart_rows=1, noise=True, tags=ALL_TAGS), id="restart markers"),
        pytest.param(make_png_16_bit(alpha=True), id="16 bit"),
        pytest.param(make_png(mode="P", tags=ALL_TAGS), id="palette"),
        pytest.param(make_png(mode="1", tags=ALL_TAGS), id="1 bit"),
        pytest.param(make_webp(lossless=True, alpha=True), id="simple WebP"),
    ],
)
def test_every_kind_of_picture_keeps_its_pixels(content: bytes) -> None:
    cleaned = clean_bytes(content)

    assert list_frames(cleaned) == list_frames(content)
    assert not find_secrets(cleaned)


@pytest.mark.parametrize("codec", CODECS)
def test_keeping_copies_all_but_the_tail(codec: ImageFormat) -> None:
    content = make_picture(codec, tags=ALL_TAGS)

    assert clean_bytes(content + TAIL, MetadataPolicy.KEEP) == content


@pytest.mark.parametrize("codec", [ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP])
def test_copyright_keeps_the_author_and_the_orientation(codec: ImageFormat) -> None:
    content = make_picture(codec, tags=Tags(orientation=8, gps=True, camera=True, xmp=True, comment=True))

    cleaned = io.BytesIO(clean_bytes(content, MetadataPolicy.COPYRIGHT))

    facts = probe(cleaned, budget=Budget())
    assert facts.orientation == 8
    assert read_exif(cleaned, facts) == ExifFacts(copyright="(c) Jane Doe", artist="Jane Doe")
    assert CANARY.encode() not in cleaned.getvalue()


def test_the_second_picture_of_a_jpeg_goes_with_its_list() -> None:
    index = b"\xff\xe2\x00\x0aMPF\0abcd"
    content = make_jpeg()

    kept = clean_bytes(content[:2] + index + content[2:] + make_jpeg(), MetadataPolicy.KEEP)

    assert kept == content


def test_bytes_behind_the_coded_data_of_a_png_go() -> None:
    content = make_png(alpha=True)
    start = content.index(b"IDAT")
    length = int.from_bytes(content[start - 4 : start], "big")
    coded = content[start + 4 : start + 4 + length]
    header = content[16:29]
    stuffed = join_png([(b"IHDR", header), (b"IDAT", coded + TAIL), (b"IDAT", TAIL), (b"IEND", b"")])

    cleaned = clean_bytes(stuffed)

    assert not find_secrets(cleaned)
    assert list_frames(cleaned) == list_frames(content)


def test_a_png_that_inflates_to_far_more_than_its_picture_is_refused() -> None:
    header = make_png()[16:29]
    bomb = join_png([(b"IHDR", header), (b"IDAT", zlib.compress(bytes(50_000_000))), (b"IEND", b"")])

    with pytest.raises(InvalidImage):
        clean_bytes(bomb)


def test_unreferenced_bytes_of_an_avif_become_zeros() -> None:
    content = make_avif(tags=ALL_TAGS)
    hidden = (8 + len(TAIL)).to_bytes(4, "big")
    start = content.index(b"mdat") - 4

    cleaned = clean_bytes(content + hidden + b"uuid" + TAIL)

    assert not find_secrets(cleaned)
    assert cleaned.index(b"mdat") - 4 == start


def test_program_text_in_the_coded_data_of_a_gif_is_broken_up() -> None:
    # Pillow's GIF coding of noise holds no such text, so a code of the picture is written over: other pixels, same way.
    content = bytearray(make_gif(200, 200, frames=2))
    place = len(content) - 60
    content[place : place + 6] = b"<?php "
    assert list_frames_or_none(bytes(content)) == list_frames_or_none(clean_bytes(bytes(content)))

    assert b"<?php" not in clean_bytes(bytes(content))


def list_frames_or_none(content: bytes) -> list[tuple[bytes, object]] | None:
    try:
        return list_frames(content)
    except (OSError, EOFError):
        return None


def test_program_text_in_the_coded_data_of_a_png_is_broken_up() -> None:
    # Stored, not deflated: the bytes of the rows stand in the file as they are.
    text = b"<?php <script PK\x03\x04<?="
    row = b"\0" + text.ljust(24, b"x")
    header = (8).to_bytes(4, "big") + (1).to_bytes(4, "big") + b"\x08\x02\0\0\0"
    content = join_png([(b"IHDR", header), (b"IDAT", zlib.compress(row, 0)), (b"IEND", b"")])

    cleaned = clean_bytes(content)

    assert b"<?php" in content
    assert not find_secrets(cleaned)
    assert list_frames(cleaned) == list_frames(content)


def test_program_text_in_the_coded_data_of_a_jpeg_is_refused() -> None:
    content = make_jpeg(noise=True)

    with pytest.raises(InvalidImage):
        clean_bytes(content[:-30] + b"<?php system($_GET[0])" + content[-2:])


def test_the_decoder_gets_a_png_without_text_or_motion() -> None:
    content = make_png(frames=3, alpha=True, tags=ALL_TAGS) + TAIL
    target = io.BytesIO()

    rebuild_png(io.BytesIO(content), target)

    rebuilt = target.getvalue()
    assert list_frames(rebuilt)[0][0] == list_frames(content)[0][0]
    assert len(list_frames(rebuilt)) == 1
    assert not find_secrets(rebuilt)
    assert rebuilt.endswith(b"IEND\xaeB`\x82")
