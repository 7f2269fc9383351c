"""A picture in several widths and formats, for pages; and the short forms of it for posts."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.db.records import ImageRecord
from app.domain.formats import MEDIA_TYPES, ImageFormat
from app.domain.markup import (
    Backdrop,
    Candidate,
    PictureParts,
    Source,
    make_bbcode,
    make_linked_image,
    make_markdown,
)
from app.domain.outputs import OutputFormat
from app.domain.presets import check_name
from app.domain.texts import check_text
from app.domain.transform_limits import MAX_SIDE_PX
from app.domain.transforms import Transform
from app.domain.variant_sizes import fitted_size
from app.domain.variants import (
    BUILT_IN_PRESETS,
    ORIGINAL_SIZE,
    Derivative,
    Family,
    Fit,
    VariantState,
    plan_geometry,
    stored_format,
)
from app.errors import InvalidRequest
from app.services.delivery.linking import Linker

DEFAULT_WIDTHS = (320, 640, 1024, 1536)
DEFAULT_FAMILIES = (Family.AVIF, Family.WEBP)
MAX_WIDTHS = 20
MAX_SIZES_CHARACTERS = 500
# What is made of an animation in other families stands still.
_MOVING = frozenset({Family.ORIGINAL, Family.WEBP})
RUNGS: list[tuple[int, str]] = sorted(
    (preset.width_px, name)
    for name, preset in BUILT_IN_PRESETS.items()
    if preset.width_px is not None and preset.height_px is None and preset.fit is Fit.SCALE_DOWN
)
"""The widths that anyone may have, with the presets' names."""


@dataclass(frozen=True, slots=True)
class PictureWish:
    """What a page wants."""

    widths_px: Sequence[int] = DEFAULT_WIDTHS
    families: Sequence[Family] = DEFAULT_FAMILIES
    sizes: str = "100vw"


@dataclass(frozen=True, slots=True)
class Photo:
    """One file of an image that fits into a box."""

    url: str
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Embedding:
    """An image for posts elsewhere."""

    html: str
    markdown: str
    bbcode: str


def check_wish(wish: PictureWish) -> PictureWish:
    """The wish, where it can be one.

    Raises:
        InvalidRequest: too many or impossible widths, or no text.
    """
    if not 1 <= len(wish.widths_px) <= MAX_WIDTHS or not all(1 <= width <= MAX_SIDE_PX for width in wish.widths_px):
        message = f"widths takes 1 to {MAX_WIDTHS} widths of 1 to {MAX_SIDE_PX} pixels."
        raise InvalidRequest(message, details={"field": "widths"})
    check_text(wish.sizes, field="sizes", max_characters=MAX_SIZES_CHARACTERS, may_be_empty=False)
    return wish


def plan_picture(linker: Linker, wish: PictureWish) -> PictureParts | None:
    """What a responsive picture consists of; None until it is known how large it is."""
    image = linker.snapshot.image
    if image.is_draft or image.width_px is None or image.height_px is None or image.format is None:
        return None
    sources = tuple(
        Source(_media_type(image, family), _candidates(linker, wish.widths_px, family))
        for family in dict.fromkeys(wish.families)
        if (image.frames or 1) == 1 or family in _MOVING
    )
    widest = _candidates(linker, wish.widths_px, Family.ORIGINAL)[-1]
    return PictureParts(
        sources=sources,
        src=widest.url,
        width_px=image.width_px,
        height_px=image.height_px,
        alt=alt_of(image),
        sizes=wish.sizes,
        backdrop=backdrop_of(image),
    )


def plan_ready(linker: Linker, wish: PictureWish) -> PictureParts | None:
    """What there is already of a picture that is still being made, in sizes that never cut; None where there is none.

    Without the original, which comes first and is large: what is shown shall only ever become sharper.
    """
    image = linker.snapshot.image
    if image.width_px is None or image.height_px is None or image.format is None:
        return None
    sources = [Source(_media_type(image, family), _ready(linker, family)) for family in wish.families]
    some = [source for source in sources if source.candidates]
    fallback = _ready(linker, Family.ORIGINAL) or (some[-1].candidates if some else ())
    if not fallback:
        return None
    size_px, words = (image.width_px, image.height_px), alt_of(image)
    return PictureParts(tuple(some), fallback[-1].url, *size_px, words, wish.sizes, backdrop_of(image))


def plan_embedding(linker: Linker, size: str) -> Embedding:
    """HTML, Markdown and BBCode with a picture of this size that leads to its page.

    Raises:
        InvalidRequest: no preset can be called so.
    """
    derivative = Derivative(Family.ORIGINAL, check_name(size, field="size"))
    src, page, alt = linker.derivative(derivative), linker.page(), alt_of(linker.snapshot.image)
    return Embedding(
        html=make_linked_image(page, src, alt, _size_of(linker, derivative)),
        markdown=make_markdown(page, src, alt),
        bbcode=make_bbcode(page, src),
    )


def plan_photo(linker: Linker, *, max_width_px: int | None = None, max_height_px: int | None = None) -> Photo | None:
    """The largest file that anybody may have and that fits; None until it is known how large the image is.

    Without limits, and for pictures that are no larger, it is the original. For boxes below every preset it is the
    smallest preset, with the size at which it is to be shown.
    """
    image = linker.snapshot.image
    if image.is_draft or image.width_px is None or image.height_px is None:
        return None
    own_px = image.width_px, image.height_px
    names = [name for _, name in reversed(RUNGS)]
    if own_px[0] <= RUNGS[-1][0]:
        names.insert(0, ORIGINAL_SIZE)
    sizes = {name: plan_geometry(BUILT_IN_PRESETS[name], *own_px).final for name in names}
    for name, (width_px, height_px) in sizes.items():
        if width_px <= (max_width_px or width_px) and height_px <= (max_height_px or height_px):
            return Photo(linker.derivative(Derivative(Family.ORIGINAL, name)), width_px, height_px)
    width_px, height_px = sizes[names[-1]]
    factor = min((max_width_px or width_px) / width_px, (max_height_px or height_px) / height_px)
    url = linker.derivative(Derivative(Family.ORIGINAL, names[-1]))
    return Photo(url, max(1, int(width_px * factor)), max(1, int(height_px * factor)))


def alt_of(image: ImageRecord) -> str:
    """What stands in for the picture: what the owner wrote for that, else the title. A file's name helps nobody."""
    return image.alt or image.title or ""


def backdrop_of(image: ImageRecord) -> Backdrop | None:
    """What to show until the picture is there; None where it would shine through."""
    if image.has_alpha or image.dominant_color is None or image.placeholder_png is None:
        return None
    return Backdrop(image.dominant_color, image.placeholder_png)


def _ready(linker: Linker, family: Family) -> tuple[Candidate, ...]:
    found = ((linker.find(Derivative(family, name)), name) for _, name in RUNGS)
    widths = {
        record.width_px: linker.derivative(Derivative(family, name))
        for record, name in found
        if record is not None and record.state is VariantState.READY and record.width_px is not None
    }
    return tuple(Candidate(widths[width_px], width_px) for width_px in sorted(widths))


def _candidates(linker: Linker, widths_px: Sequence[int], family: Family) -> tuple[Candidate, ...]:
    found: dict[int, Candidate] = {}
    for width_px in sorted(set(widths_px)):
        candidate = _candidate(linker, width_px, family)
        found.setdefault(candidate.width_px, candidate)
    return tuple(found[width_px] for width_px in sorted(found))


def _candidate(linker: Linker, width_px: int, family: Family) -> Candidate:
    image_px, _ = own_px = _own_size(linker.snapshot.image)
    rung_px, size = next((rung for rung in RUNGS if rung[0] >= min(width_px, image_px)), (None, ORIGINAL_SIZE))
    # Nothing is enlarged, so that any rung above the picture's own width gives just that.
    if rung_px != width_px < image_px:
        url = linker.transform(Transform(width_px=width_px), OutputFormat(family.value))
        if url is not None:
            return Candidate(url, width_px)
    final_px, _ = fitted_size(BUILT_IN_PRESETS[size], _codec_of(linker.snapshot.image, family), own_px)
    return Candidate(linker.derivative(Derivative(family, size)), final_px)


def _own_size(image: ImageRecord) -> tuple[int, int]:
    assert image.width_px is not None, "looked at before"
    assert image.height_px is not None, "looked at before"
    return image.width_px, image.height_px


def _size_of(linker: Linker, derivative: Derivative) -> tuple[int, int] | None:
    image, record = linker.snapshot.image, linker.find(derivative)
    if record is not None and record.width_px is not None and record.height_px is not None:
        return record.width_px, record.height_px
    preset = BUILT_IN_PRESETS.get(derivative.size)
    if preset is None or image.width_px is None or image.height_px is None:
        return None
    return fitted_size(preset, _codec_of(image, derivative.family), (image.width_px, image.height_px))


def _media_type(image: ImageRecord, family: Family) -> str:
    return MEDIA_TYPES[_codec_of(image, family)]


def _codec_of(image: ImageRecord, family: Family) -> ImageFormat:
    assert image.format is not None, "looked at before"
    return stored_format(family, image.format, has_alpha=bool(image.has_alpha))
