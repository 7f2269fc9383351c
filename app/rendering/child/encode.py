"""Writing one raster as one file, with the settings that measurements chose."""

from collections.abc import Callable
from dataclasses import dataclass

from wand.image import Image

from app.domain.formats import ImageFormat
from app.domain.variants import MetadataPolicy
from app.rendering.child.avif import AVIFEncoder, Pixels
from app.rendering.child.effects import finish
from app.rendering.child.magick import attach_profile, export_pixels
from app.rendering.protocol import RenderSpec

# JPEG and WebP at 80 and AVIF at 50 look alike; 100 is the best of each.
_COMMON_ANCHOR, _AVIF_ANCHOR = 80, 50

_GIF_COLORS = 256

# libaom gains nothing from a second thread on small pictures; on large ones it takes half the time.
_TWO_THREADS_FROM_PIXELS = 2_000_000


@dataclass(frozen=True, slots=True)
class Encoders:
    """What files are written with: ImageMagick, and libheif where it could be loaded."""

    exif: dict[MetadataPolicy, bytes]
    """The EXIF block that each policy leaves."""
    avif: AVIFEncoder | None = None


def avif_quality(quality: int) -> int:
    """The AV1 encoder's quality for one on the scale of JPEG and WebP (1 to 100)."""
    if quality <= _COMMON_ANCHOR:
        return round(quality * _AVIF_ANCHOR / _COMMON_ANCHOR)
    return round(_AVIF_ANCHOR + (quality - _COMMON_ANCHOR) * (100 - _AVIF_ANCHOR) / (100 - _COMMON_ANCHOR))


def encode(
    raster: Image, spec: RenderSpec, encoders: Encoders, path: str, *, release: Callable[[], None] | None = None
) -> None:
    """Write a raster, upright and in sRGB, to `path`. `raster` itself is left as it is.

    `release` is called as soon as the raster is not read any more, which may be long before the end.

    Raises:
        WandException, EncoderFailed: the encoder failed.
    """
    image = raster.clone()
    try:
        finish(image, spec)
        if spec.codec is ImageFormat.AVIF and encoders.avif:
            content = export_pixels(image, "RGBA" if image.alpha_channel else "RGB")
            pixels = Pixels(image.width, image.height, content)
            image.destroy()
            if release:
                release()
            _encode_avif(encoders.avif, pixels, spec, path, exif=encoders.exif.get(spec.metadata, b""))
            return
        prepare_file(image, spec, encoders.exif.get(spec.metadata, b""))
        image.save(filename=f"{image.format}:{path}")
    finally:
        image.destroy()


def prepare_file(image: Image, spec: RenderSpec, exif: bytes) -> None:
    """Set everything that ImageMagick's coders look at; drops every profile and property but `exif`."""
    image.format = spec.codec.value.upper()
    image.depth = 8
    # `strip` drops the profile too: the pixels are sRGB, which is what no profile means.
    image.strip()
    match spec.codec:
        case ImageFormat.JPEG:
            image.compression_quality = spec.quality
            # Without it the input's own is kept, for a fifth more bytes.
            image.options["jpeg:sampling-factor"] = "4:2:0"
        case ImageFormat.WEBP:
            image.compression_quality = spec.quality
            # 2 takes half the time of 4, for 1 to 2 percent more bytes.
            image.options["webp:method"] = "2" if spec.is_quick else "4"
        case ImageFormat.AVIF | ImageFormat.HEIC:
            image.compression_quality = avif_quality(spec.quality)
        case ImageFormat.GIF:
            # Left to the coder the colours are dithered: fourteen times slower, and 2 dB further from the picture.
            image.quantize(_GIF_COLORS, "srgb", dither=False)
        case ImageFormat.PNG:
            image.options["png:compression-level"] = "6"
            image.options["png:compression-filter"] = "5"
    if exif:
        attach_profile(image, "exif", b"Exif\0\0" + exif)
        if spec.codec is ImageFormat.PNG:
            # `strip` has excluded the chunk; deleting profiles instead would leak GPS as text.
            image.artifacts["png:include-chunk"] = "eXIf"


def _encode_avif(encoder: AVIFEncoder, pixels: Pixels, spec: RenderSpec, path: str, *, exif: bytes) -> None:
    threads = 2 if pixels.width_px * pixels.height_px >= _TWO_THREADS_FROM_PIXELS else 1
    encoder.encode(pixels, path, quality=avif_quality(spec.quality), threads=threads, exif=exif)
