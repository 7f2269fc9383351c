"""One door for every container: the upload without what does not belong to its picture, and without re-encoding."""

from typing import BinaryIO

from app.domain.cleaning.avif import clean_avif, find_avif_end
from app.domain.cleaning.copying import copy_range
from app.domain.cleaning.gif import clean_gif, find_gif_end
from app.domain.cleaning.jpeg import clean_jpeg, cut_jpeg
from app.domain.cleaning.kept_exif import make_kept_exif
from app.domain.cleaning.png import clean_png, find_png_end
from app.domain.cleaning.webp import clean_webp
from app.domain.formats import ImageFormat
from app.domain.headers.exif import find_exif_block
from app.domain.headers.facts import HeaderFacts
from app.domain.headers.webp import find_picture_end
from app.domain.variants import MetadataPolicy


def clean(source: BinaryIO, target: BinaryIO, facts: HeaderFacts, *, metadata: MetadataPolicy) -> None:
    """Write a probed picture to `target`, pixel for pixel the same; `facts` are what `probe` said of `source`.

    NONE leaves the colour profile and, where the picture is turned, its orientation; COPYRIGHT leaves artist and
    copyright too (not in AVIF); KEEP leaves all. What stands behind the picture's end never comes along.
    Memory stays below 16 MiB. `target` is only written to, from its position on.

    Raises:
        InvalidImage: the picture is broken in a way that only shows when it is taken apart; `target` is spoilt.
        ImageTooLarge: it has more parts than any honest picture.
        ValueError: the picture is a HEIC, whose original is rendered and never cleaned.
    """
    if metadata is MetadataPolicy.KEEP:
        _cut(source, target, facts.format)
        return
    block = find_exif_block(source, facts.format)
    exif = make_kept_exif(block, orientation=facts.orientation, metadata=metadata)
    match facts.format:
        case ImageFormat.JPEG:
            clean_jpeg(source, target, exif=exif)
        case ImageFormat.PNG:
            clean_png(source, target, exif=exif)
        case ImageFormat.GIF:
            clean_gif(source, target)
        case ImageFormat.WEBP:
            clean_webp(source, target, exif=exif)
        case ImageFormat.AVIF:
            clean_avif(source, target)
        case ImageFormat.HEIC:
            raise ValueError(facts.format)


def _cut(source: BinaryIO, target: BinaryIO, codec: ImageFormat) -> None:
    match codec:
        case ImageFormat.JPEG:
            cut_jpeg(source, target)
        case ImageFormat.PNG:
            copy_range(source, target, 0, find_png_end(source))
        case ImageFormat.GIF:
            copy_range(source, target, 0, find_gif_end(source))
        case ImageFormat.WEBP:
            copy_range(source, target, 0, find_picture_end(source))
        case ImageFormat.AVIF | ImageFormat.HEIC:
            copy_range(source, target, 0, find_avif_end(source))
