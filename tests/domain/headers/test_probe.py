"""What `probe` says of pictures, and what it refuses."""

import io
import struct
import zlib
from collections.abc import Callable

import pytest

from app.domain.formats import ImageFormat
from app.domain.headers.facts import Budget, HeaderFacts
from app.domain.headers.probe import probe
from app.errors import ImageTooLarge, InvalidFileType, InvalidImage
from tests.support.pictures import (
    ALL_TAGS,
    Tags,
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
TURNED_BY_EXIF = [ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP]


def probe_bytes(content: bytes, budget: Budget | None = None) -> HeaderFacts:
    return probe(io.BytesIO(content), budget=budget or Budget())


@pytest.mark.parametrize("codec", CODECS)
def test_a_still_is_described_as_it_is(codec: ImageFormat) -> None:
    content = make_picture(codec, 70, 50)

    facts = probe_bytes(content)

    assert facts == HeaderFacts(codec, 70, 50)


@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec is not ImageFormat.JPEG])
def test_transparency_is_seen(codec: ImageFormat) -> None:
    assert probe_bytes(make_picture(codec, alpha=True)).has_alpha
    assert not probe_bytes(make_picture(codec)).has_alpha


@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec is not ImageFormat.GIF])
def test_a_colour_profile_is_seen(codec: ImageFormat) -> None:
    assert probe_bytes(make_picture(codec, tags=Tags(icc=make_srgb_profile()))).has_icc_profile
    assert not probe_bytes(make_picture(codec, tags=ALL_TAGS)).has_icc_profile


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("codec", TURNED_BY_EXIF)
def test_the_orientation_comes_from_exif(codec: ImageFormat, orientation: int) -> None:
    content = make_picture(codec, 70, 50, tags=Tags(orientation=orientation, gps=True, camera=True))

    facts = probe_bytes(content)

    assert facts.orientation == orientation
    assert (facts.width_px, facts.height_px) == open_picture(content).size
    assert facts.displayed_size == show(content).size == (70, 50)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_avif_has_its_size_after_turning(orientation: int) -> None:
    content = make_avif(70, 50, tags=Tags(orientation=orientation))

    facts = probe_bytes(content)

    assert facts == HeaderFacts(ImageFormat.AVIF, 70, 50)


def test_a_png_of_imagemagick_hides_its_orientation_in_text() -> None:
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    profile = f"\nexif\n{len(tiff) + 6:8d}\n{(b'Exif' + bytes(2) + tiff).hex()}\n".encode()
    header = (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    picture = (b"IDAT", zlib.compress(b"\0\0"))
    compressed = (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile))
    plain = (b"tEXt", b"Raw profile type APP1\0" + profile)

    for text in (compressed, plain):
        facts = probe_bytes(join_png([header, text, picture, (b"IEND", b"")]))

        assert facts.orientation == 6


@pytest.mark.parametrize("make", [make_gif, make_webp])
def test_frames_are_counted(make: object) -> None:
    assert callable(make)
    content = make(40, 30, frames=4)

    facts = probe_bytes(content)

    assert (facts.width_px, facts.height_px, facts.frames) == (40, 30, 4)


@pytest.mark.parametrize("make", [make_png, make_avif])
def test_apng_and_avif_sequences_count_as_stills(make: object) -> None:
    assert callable(make)
    assert probe_bytes(make(40, 30, frames=4)).frames == 1


def test_deep_and_printed_and_interrupted_pictures_are_taken() -> None:
    assert probe_bytes(make_png_16_bit(alpha=True)).has_alpha
    assert probe_bytes(make_jpeg(mode="CMYK")).format is ImageFormat.JPEG
    assert probe_bytes(make_jpeg(progressive=True, restart_rows=1)).format is ImageFormat.JPEG


def test_another_brand_on_the_same_boxes_is_a_heic() -> None:
    content = make_avif(70, 50, tags=Tags(orientation=6)).replace(b"ftypavif", b"ftypheic", 1)

    facts = probe_bytes(content)

    assert facts == HeaderFacts(ImageFormat.HEIC, 70, 50)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    ("budget", "limit"),
    [(Budget(max_side_px=69), "side"), (Budget(max_frame_pixels=3499), "pixels")],
)
def test_a_still_above_the_budget_is_refused(codec: ImageFormat, budget: Budget, limit: str) -> None:
    with pytest.raises(ImageTooLarge) as refusal:
        probe_bytes(make_picture(codec, 70, 50), budget)

    assert refusal.value.details["limit"] == limit


@pytest.mark.parametrize("make", [make_gif, make_webp, make_png])
def test_an_animation_above_the_budget_is_refused(make: object) -> None:
    assert callable(make)
    content = make(40, 30, frames=4)

    with pytest.raises(ImageTooLarge) as too_many:
        probe_bytes(content, Budget(max_frames=3))
    with pytest.raises(ImageTooLarge) as too_large:
        probe_bytes(content, Budget(max_total_pixels=4 * 40 * 30 - 1))

    assert too_many.value.details == {"limit": "frames", "value": 4, "max": 3}
    assert too_large.value.details == {"limit": "pixels", "pixels": 4800, "maxPixels": 4799}


def test_a_jpeg_of_101_scans_is_refused() -> None:
    content = make_jpeg(mode="L")
    scan = content[content.index(b"\xff\xda") : -2]

    with pytest.raises(ImageTooLarge) as refusal:
        probe_bytes(content[:-2] + scan * 100 + content[-2:])

    assert refusal.value.details["limit"] == "scans"


def test_a_jpeg_with_more_than_4_mib_of_metadata_is_refused() -> None:
    content = make_jpeg()
    comment = b"\xff\xfe\xff\xff" + bytes(65_533)

    assert probe_bytes(content[:2] + comment * 63 + content[2:])
    with pytest.raises(ImageTooLarge) as refusal:
        probe_bytes(content[:2] + comment * 65 + content[2:])

    assert refusal.value.details["limit"] == "metadataBytes"


@pytest.mark.parametrize(
    ("content", "detected"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
        (b"%PDF-1.7", "application/pdf"),
        (b"II*\0\x08\0\0\0", "image/tiff"),
        (b"", None),
        (b"hello", None),
    ],
)
def test_other_types_are_refused_by_name(content: bytes, detected: str | None) -> None:
    with pytest.raises(InvalidFileType) as refusal:
        probe_bytes(content)

    allowed = ["image/avif", "image/gif", "image/heic", "image/jpeg", "image/png", "image/webp"]
    assert refusal.value.details == {"detected": detected, "allowed": allowed}


@pytest.mark.parametrize("codec", CODECS)
def test_magic_bytes_alone_are_no_picture(codec: ImageFormat) -> None:
    with pytest.raises(InvalidImage):
        probe_bytes(make_picture(codec)[:24])


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("make", [make_jpeg, make_gif, make_png, make_webp])
def test_a_picture_that_ends_in_the_middle_is_refused(make: Callable[..., bytes], share: float) -> None:
    content = make(640, 480)

    with pytest.raises(InvalidImage):
        probe_bytes(content[: int(share * len(content))])


def test_a_progressive_jpeg_without_its_last_scans_is_refused() -> None:
    buffer = io.BytesIO()
    open_picture(make_jpeg(320, 240, noise=True)).save(buffer, "jpeg", progressive=True)

    with pytest.raises(InvalidImage):
        probe_bytes(buffer.getvalue()[:-400])


@pytest.mark.parametrize("marker", [0xC3, 0xC9, 0xCB])
def test_kinds_of_jpeg_that_browsers_do_not_show_are_refused(marker: int) -> None:
    content = make_jpeg().replace(b"\xff\xc0", bytes((0xFF, marker)), 1)

    with pytest.raises(InvalidImage):
        probe_bytes(content)


def test_a_webp_frame_larger_than_its_canvas_is_refused() -> None:
    content = bytearray(make_webp(40, 30, alpha=True, tags=ALL_TAGS))
    content[24:27] = (10).to_bytes(3, "little")

    with pytest.raises(InvalidImage):
        probe_bytes(bytes(content))
