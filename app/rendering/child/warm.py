"""Using every coder once before the first job, so that a forked child finds all of it loaded and needs no file.

Inside the cage nothing can be loaded any more: no library, no configuration, no colour name.
"""

import tempfile
from pathlib import Path

from wand.exceptions import WandException
from wand.image import Image
from wand.version import MAGICK_VERSION

from app.domain.formats import ImageFormat
from app.domain.headers.facts import HeaderFacts
from app.domain.variants import Geometry
from app.rendering.child.avif import AVIFEncoder, EncoderFailed, load_encoder
from app.rendering.child.colour import SRGB_PROFILE
from app.rendering.child.decode import Undecodable, decode_film, decode_still
from app.rendering.child.encode import Encoders, encode
from app.rendering.child.magick import (
    append_frame,
    apply_profile,
    attach_profile,
    convert_color_space,
    resize_by_lanczos,
)
from app.rendering.child.placeholder import make_verdict
from app.rendering.protocol import RenderSpec

_SIDE_PX = 64
_NEEDED = (ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.GIF, ImageFormat.WEBP, ImageFormat.AVIF)
"""HEIC is decoded where libheif can; its encoder need not be there."""


class CoderMissing(Exception):
    """This ImageMagick lacks a coder that the server cannot do without."""


def warm_up() -> AVIFEncoder | None:
    """Use everything once; gives the AVIF encoder, or None where ImageMagick's own must do.

    Raises:
        CoderMissing: ImageMagick or its policy lacks a format; its text names the format.
    """
    avif = load_encoder()
    with tempfile.TemporaryDirectory(prefix="safelight-warm-") as directory, _make_picture() as picture:
        for codec in _NEEDED:
            try:
                _use_coder(picture, codec, Path(directory, codec.value), avif)
            except (WandException, EncoderFailed, Undecodable) as error:
                raise CoderMissing(f"{MAGICK_VERSION} cannot read and write {codec.value.upper()} here") from error
        _use_film(picture, Path(directory, "film"))
        _use_failure(Path(directory, "broken"))
    _use_color_spaces()
    return avif


def _make_picture() -> Image:
    picture = Image(width=_SIDE_PX, height=_SIDE_PX, background="#336699")
    picture.format = "PNG"
    return picture


def _use_coder(picture: Image, codec: ImageFormat, path: Path, avif: AVIFEncoder | None) -> None:
    geometry = Geometry((_SIDE_PX, _SIDE_PX), (_SIDE_PX + 2, _SIDE_PX))
    # Twice: by libheif and by ImageMagick, which may have to stand in for it.
    for encoder in {avif, None} if codec is ImageFormat.AVIF else {None}:
        encode(picture, RenderSpec("warm", codec, geometry), Encoders({}, encoder), str(path))
    facts = HeaderFacts(codec, *geometry.final)
    with decode_still(str(path), facts, (_SIDE_PX // 4, _SIDE_PX // 4)) as decoded:
        resize_by_lanczos(decoded, _SIDE_PX // 2, _SIDE_PX // 2)
        make_verdict(decoded, facts)


def _use_film(picture: Image, path: Path) -> None:
    with picture.clone() as film:
        append_frame(film, picture)
        film.save(filename=f"GIF:{path}")
    decode_film(str(path), HeaderFacts(ImageFormat.GIF, _SIDE_PX, _SIDE_PX, frames=2)).destroy()


def _use_failure(path: Path) -> None:
    # The first error reads the table of messages.
    path.write_bytes(b"\xff\xd8\xff\xe0nothing")
    try:
        decode_still(str(path), HeaderFacts(ImageFormat.JPEG, 1, 1), (1, 1))
    except Undecodable:
        return


def _use_color_spaces() -> None:
    with _make_picture() as picture:
        convert_color_space(picture, "cmyk")
        convert_color_space(picture, "srgb")
        attach_profile(picture, "icc", SRGB_PROFILE)
        apply_profile(picture, SRGB_PROFILE)
