"""Test pictures, made in code: four coloured quarters in every format, and the metadata that pictures carry.

Displayed rightly, each picture has `RED` top left, `GREEN` top right, `BLUE` bottom left and `YELLOW` bottom
right, whatever its orientation; `width_px` and `height_px` are always as displayed. With `alpha` the blue quarter
is transparent. `read_quarters` tells the four colours of any image that Pillow opened, `show` turns a picture's
bytes into the image that a viewer shows.
"""

import io
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from PIL import Image, ImageCms, ImageOps, PngImagePlugin
from PIL.ExifTags import GPS, IFD, Base
from PIL.TiffImagePlugin import IFDRational

from app.domain.formats import ImageFormat

Color = tuple[int, int, int]

QUARTERS: tuple[Color, Color, Color, Color] = ((220, 30, 30), (30, 180, 50), (30, 60, 210), (240, 220, 40))
RED, GREEN, BLUE, YELLOW = QUARTERS

CANARY = "CANARY-4711"
"""Stands in every text that cleaning must remove."""

LATITUDE, LONGITUDE = 48.858222, 2.2945
"""What `gps` writes, in decimal degrees north and east."""

_POSITION: dict[int, object] = {
    **{GPS.GPSLatitudeRef: "N", GPS.GPSLatitude: (48.0, 51.0, 29.6)},
    **{GPS.GPSLongitudeRef: "E", GPS.GPSLongitude: (2.0, 17.0, 40.2)},
}

XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- {CANARY} --></x:xmpmeta>'.encode()

_TRANSPOSE_FOR = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True, slots=True)
class Tags:
    """What goes into a picture beside its pixels; each field alone switches its kind of metadata on."""

    orientation: int | None = None
    """EXIF orientation, 1 to 8; the stored pixels are turned so that the display stays upright."""
    gps: bool = False
    camera: bool = False
    """Make, model, lens, exposure, copyright, artist; each text with `CANARY`."""
    xmp: bool = False
    comment: bool = False
    """JPEG COM, PNG tEXt/zTXt/iTXt, GIF comment."""
    icc: bytes | None = None


NO_TAGS = Tags()
ALL_TAGS = Tags(gps=True, camera=True, xmp=True, comment=True)


def paint(
    width_px: int = 64, height_px: int = 48, *, alpha: bool = False, turn: int = 0, noise: bool = False
) -> Image.Image:
    """The picture itself, RGB or RGBA. `turn` moves the colours on by so many quarters; `noise` makes files large."""
    colors = [QUARTERS[(i + turn) % 4] for i in range(4)]
    image = Image.new("RGB", (2, 2))
    image.putdata(colors)
    image = image.resize((width_px, height_px), Image.Resampling.NEAREST)
    if noise:
        grain = Image.effect_noise((width_px, height_px), 60).convert("RGB")
        image = Image.blend(image, grain, 0.15)
    if alpha:
        mask = Image.new("L", (2, 2))
        mask.putdata([0 if color == BLUE else 255 for color in colors])
        image.putalpha(mask.resize((width_px, height_px), Image.Resampling.NEAREST))
    return image


def make_picture(
    codec: ImageFormat, width_px: int = 64, height_px: int = 48, *, alpha: bool = False, tags: Tags = NO_TAGS
) -> bytes:
    """A still in any codec but HEIC, which nothing here can write; JPEG has no alpha and ignores it."""
    match codec:
        case ImageFormat.JPEG:
            return make_jpeg(width_px, height_px, tags=tags)
        case ImageFormat.PNG:
            return make_png(width_px, height_px, alpha=alpha, tags=tags)
        case ImageFormat.GIF:
            return make_gif(width_px, height_px, alpha=alpha, tags=tags)
        case ImageFormat.WEBP:
            return make_webp(width_px, height_px, alpha=alpha, tags=tags)
        case ImageFormat.AVIF:
            return make_avif(width_px, height_px, alpha=alpha, tags=tags)
        case ImageFormat.HEIC:
            raise ValueError("no HEIC encoder")


def make_jpeg(
    width_px: int = 64,
    height_px: int = 48,
    *,
    mode: str = "RGB",
    progressive: bool = False,
    restart_rows: int = 0,
    quality: int = 92,
    noise: bool = False,
    tags: Tags = NO_TAGS,
) -> bytes:
    """A JPEG; `mode` is RGB, L or CMYK (Adobe's inverted kind)."""
    image = _turn(paint(width_px, height_px, noise=noise), tags).convert(mode)
    extra: dict[str, object] = {"xmp": XMP} if tags.xmp else {}
    if tags.comment:
        extra["comment"] = CANARY
    extra |= {"progressive": progressive, "restart_marker_rows": restart_rows, "exif": make_exif(tags)}
    return _save(image, "JPEG", quality=quality, subsampling=0, icc_profile=tags.icc, **extra)


def make_png(
    width_px: int = 64,
    height_px: int = 48,
    *,
    mode: str = "RGB",
    alpha: bool = False,
    frames: int = 1,
    noise: bool = False,
    tags: Tags = NO_TAGS,
) -> bytes:
    """A PNG, with more `frames` an APNG; `mode` is RGB, L, P or 1. See `make_png_16_bit` for deep colour."""
    text = PngImagePlugin.PngInfo()
    if tags.comment:
        text.add_text("Comment", CANARY)
        text.add_text("Author", CANARY, zip=True)
        text.add_itxt("Title", CANARY, "en", CANARY)
    if tags.xmp:
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    images = [_turn(paint(width_px, height_px, alpha=alpha, turn=i, noise=noise), tags) for i in range(frames)]
    if not alpha:
        images = [image.convert(mode) for image in images]
    movie: dict[str, object] = {"save_all": True, "append_images": images[1:], "duration": 100} if frames > 1 else {}
    return _save(images[0], "PNG", pnginfo=text, exif=make_exif(tags), icc_profile=tags.icc, **movie)


def make_png_16_bit(width_px: int = 64, height_px: int = 48, *, alpha: bool = False) -> bytes:
    """A PNG of 16 bits a channel, RGB or RGBA."""
    channels = 4 if alpha else 3
    row_bytes = width_px * channels
    eight_bit = paint(width_px, height_px, alpha=alpha).tobytes()
    # 0xAB becomes 0xABAB: the same colour, sixteen bits deep.
    deep = bytes(byte for value in eight_bit for byte in (value, value))
    rows = (b"\0" + deep[y * row_bytes * 2 : (y + 1) * row_bytes * 2] for y in range(height_px))
    header = struct.pack(">IIBBBBB", width_px, height_px, 16, 6 if alpha else 2, 0, 0, 0)
    return join_png([(b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")])


def make_gif(
    width_px: int = 64,
    height_px: int = 48,
    *,
    frames: int = 1,
    alpha: bool = False,
    loop: int | None = 0,
    tags: Tags = NO_TAGS,
) -> bytes:
    """A GIF; `loop` is how often an animation repeats, 0 without end, None for once."""
    images = [paint(width_px, height_px, alpha=alpha, turn=i) for i in range(frames)]
    extra: dict[str, object] = {"comment": CANARY} if tags.comment else {}
    if loop is not None and frames > 1:
        extra["loop"] = loop
    if frames > 1:
        extra |= {"save_all": True, "append_images": images[1:], "duration": 100, "disposal": 2}
    return _save(images[0], "GIF", **extra)


def make_webp(
    width_px: int = 64,
    height_px: int = 48,
    *,
    frames: int = 1,
    alpha: bool = False,
    lossless: bool = False,
    tags: Tags = NO_TAGS,
) -> bytes:
    """A WebP; with neither metadata, alpha nor `frames` it is the simple kind without VP8X."""
    images = [_turn(paint(width_px, height_px, alpha=alpha, turn=i), tags) for i in range(frames)]
    extra: dict[str, object] = {"xmp": XMP} if tags.xmp else {}
    if frames > 1:
        extra |= {"save_all": True, "append_images": images[1:], "duration": 100}
    return _save(images[0], "WEBP", lossless=lossless, exif=make_exif(tags), icc_profile=tags.icc or b"", **extra)


def make_avif(
    width_px: int = 64, height_px: int = 48, *, frames: int = 1, alpha: bool = False, tags: Tags = NO_TAGS
) -> bytes:
    """An AVIF, with more `frames` a sequence; the orientation becomes `irot` and `imir`, as the format wants it."""
    images = [_turn(paint(width_px, height_px, alpha=alpha, turn=i), tags) for i in range(frames)]
    extra: dict[str, object] = {"xmp": XMP} if tags.xmp else {}
    if frames > 1:
        extra |= {"save_all": True, "append_images": images[1:], "duration": 100}
    exif = make_exif(tags)
    return _save(images[0], "AVIF", speed=10, quality=85, exif=exif, icc_profile=tags.icc or b"", **extra)


def make_exif(tags: Tags) -> bytes:
    """An EXIF block in TIFF form behind `Exif\\0\\0`, or nothing where `tags` want none."""
    exif = Image.Exif()
    if tags.orientation is not None:
        exif[Base.Orientation] = tags.orientation
    if tags.camera:
        exif[Base.Make], exif[Base.Model] = f"Maker {CANARY}", f"Model {CANARY}"
        exif[Base.Copyright], exif[Base.Artist] = "(c) Jane Doe", "Jane Doe"
        exif[Base.ImageDescription] = CANARY
        exif.get_ifd(IFD.Exif).update(_camera_settings())
    if tags.gps:
        exif.get_ifd(IFD.GPSInfo).update(_POSITION)
    return exif.tobytes() if len(exif) or tags.gps else b""


def make_srgb_profile() -> bytes:
    """An ICC profile that changes nothing."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def make_swapped_profile() -> bytes:
    """An ICC profile under which red is green and green is red: the colours show a decoder that ignores it."""
    profile = make_srgb_profile()
    return profile.replace(b"rXYZ", b"----", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"----", b"gXYZ", 1)


def join_png(chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A PNG of exactly these (type, content) chunks, each with a right checksum."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, content in chunks:
        crc = zlib.crc32(content, zlib.crc32(kind))
        parts += [struct.pack(">I", len(content)), kind, content, struct.pack(">I", crc)]
    return b"".join(parts)


def open_picture(content: bytes) -> Image.Image:
    """Pillow's view of the bytes, decoded, pixels as stored."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def show(content: bytes) -> Image.Image:
    """The picture as a viewer displays it: orientation applied."""
    return ImageOps.exif_transpose(open_picture(content))


def read_quarters(image: Image.Image) -> tuple[Color, Color, Color, Color]:
    """The colours in the middle of the quarters: top left, top right, bottom left, bottom right."""
    rgb = image.convert("RGB")
    columns, rows = (rgb.width // 4, rgb.width * 3 // 4), (rgb.height // 4, rgb.height * 3 // 4)
    colors = [rgb.crop((x, y, x + 1, y + 1)).tobytes() for y in rows for x in columns]
    first, second, third, fourth = ((red, green, blue) for red, green, blue in colors)
    return first, second, third, fourth


def is_near(color: Color, other: Color, *, tolerance: int = 24) -> bool:
    """Do two colours differ by at most `tolerance` (0 to 255) in each channel?"""
    return all(abs(a - b) <= tolerance for a, b in zip(color, other, strict=True))


def is_upright(image: Image.Image, *, tolerance: int = 24) -> bool:
    """Are all four quarters where `paint` put them?"""
    return all(map(partial(is_near, tolerance=tolerance), read_quarters(image), QUARTERS))


def _turn(image: Image.Image, tags: Tags) -> Image.Image:
    transpose = _TRANSPOSE_FOR.get(tags.orientation or 1)
    return image if transpose is None else image.transpose(transpose)


def _save(image: Image.Image, codec: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, codec, **options)
    return target.getvalue()


def _camera_settings() -> dict[int, object]:
    return {
        Base.ExposureTime: IFDRational(1, 250),
        Base.FNumber: IFDRational(28, 10),
        Base.ISOSpeedRatings: 200,
        Base.FocalLength: IFDRational(35),
        Base.LensModel: f"Lens {CANARY}",
        Base.DateTimeOriginal: "2024:05:06 07:08:09",
        Base.OffsetTimeOriginal: "+02:00",
    }
