"""Animations: every frame laid over what stands before it, resized, and written with its time and the loops kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wand.api import library
from wand.image import DISPOSE_TYPES, Image

from app.domain.formats import ImageFormat
from app.domain.headers.facts import HeaderFacts
from app.rendering.child.effects import finish
from app.rendering.child.encode import prepare_file
from app.rendering.child.geometry import RasterPlan
from app.rendering.child.magick import append_frame, copy_frame, walk_frames, write_film
from app.rendering.child.raster import make_raster
from app.rendering.child.webp_film import correct_film
from app.rendering.protocol import RenderSpec

_TICKS_PER_S = 100
_MS_PER_TICK = 10


@dataclass(frozen=True, slots=True)
class Frame:
    """One complete picture of the animation."""

    image: Image
    ticks: int
    """How long it stands, in hundredths of a second."""


@dataclass(frozen=True, slots=True)
class Film:
    """A finished animation in memory."""

    image: Image
    ticks: list[int] = field(default_factory=list)


def compose_frames(film: Image, facts: HeaderFacts) -> Iterator[Frame]:
    """Each frame as a viewer shows it, one at a time: ImageMagick's own coalesce would hold all of them at once."""
    canvas = Image(width=facts.width_px, height=facts.height_px, background="transparent")
    for _ in walk_frames(film):
        with copy_frame(film) as frame:
            dispose = DISPOSE_TYPES[library.MagickGetImageDispose(film.wand)]
            left, top = frame.page_x, frame.page_y
            ticks = _read_ticks(film)
            before = canvas.clone() if dispose == "previous" else None
            canvas.composite(frame, left, top, operator="over")
            yield Frame(canvas.clone(), ticks)
            if before is not None:
                canvas.destroy()
                canvas = before
            elif dispose == "background":
                with Image(width=frame.width, height=frame.height, background="transparent") as hole:
                    canvas.composite(hole, left, top, operator="copy")
    canvas.destroy()


def render_films(film: Image, facts: HeaderFacts, specs: Sequence[RenderSpec]) -> list[Film]:
    """One finished animation in memory for each spec, in their order; one pass over the frames for all of them.

    Raises:
        WandException: memory ran out.
    """
    results = [Film(Image()) for _ in specs]
    for frame in compose_frames(film, facts):
        for result, spec in zip(results, specs, strict=True):
            geometry = spec.geometry
            plan = RasterPlan(geometry.scaled, geometry.cropped, geometry.corner, None, ())
            with make_raster(frame.image, plan, orientation=facts.orientation) as picture:
                finish(picture, spec)
                library.MagickSetImageDelay(picture.wand, frame.ticks)
                library.MagickSetImageTicksPerSecond(picture.wand, _TICKS_PER_S)
                append_frame(result.image, picture)
                result.ticks.append(frame.ticks)
        frame.image.destroy()
    return results


def save_film(film: Film, spec: RenderSpec, path: str, *, plays: int) -> None:
    """Write a finished animation; `plays` is how often it runs, 0 for ever.

    Raises:
        WandException: the encoder failed.
    """
    image, is_webp = film.image, spec.codec is ImageFormat.WEBP
    for _ in walk_frames(image):
        library.MagickSetImageIterations(image.wand, 0 if is_webp else plays)
        # Each frame is complete: for GIF, it replaces the one before.
        library.MagickSetImageDispose(image.wand, DISPOSE_TYPES.index("background"))
        prepare_file(image, spec, b"")
    write_film(image, f"{spec.codec.value.upper()}:{path}")
    if is_webp:
        correct_film(Path(path), times_ms=[ticks * _MS_PER_TICK for ticks in film.ticks], plays=plays)


def count_plays(film: Image) -> int:
    """How often the animation runs; 0 for ever."""
    library.MagickSetFirstIterator(film.wand)
    return int(library.MagickGetImageIterations(film.wand))


def _read_ticks(film: Image) -> int:
    delay, per_s = library.MagickGetImageDelay(film.wand), library.MagickGetImageTicksPerSecond(film.wand)
    return int(delay * _TICKS_PER_S / (per_s or _TICKS_PER_S) + 0.5)
