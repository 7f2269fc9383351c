"""One job inside the cage: one decode, the verdict, then every file, each announced the moment it is complete."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from wand.exceptions import WandException
from wand.image import Image

from app.domain.formats import ImageFormat
from app.domain.headers.facts import HeaderFacts
from app.domain.variants import MetadataPolicy
from app.rendering.child.animation import count_plays, render_films, save_film
from app.rendering.child.avif import AVIFEncoder, EncoderFailed
from app.rendering.child.decode import LIMIT_ERRORS, Undecodable, decode_film, decode_still
from app.rendering.child.decode_plan import (
    DecodePlan,
    decoded_size,
    largest_need,
    plan_decodes,
    preview_size,
    with_preview,
)
from app.rendering.child.encode import Encoders, encode
from app.rendering.child.geometry import RasterPlan, Size, turn_size
from app.rendering.child.placeholder import make_verdict
from app.rendering.child.raster import make_raster
from app.rendering.child.room import has_room
from app.rendering.child.schedule import Raster, Schedule, Step
from app.rendering.protocol import Decoded, NotRendered, Rendered, RenderSpec
from app.rendering.wire import IN_DIR, OUT_DIR, SOURCE_NAME, ChildAnswer, Done, JobOrder, Refused, exif_name

Tell = Callable[[ChildAnswer, int], None]
"""Sends an answer; the number is the spec's place in the job."""

# Measured nanoseconds a pixel; only their order and rough proportion matter.
_ENCODE_COST = {
    ImageFormat.JPEG: 10,
    ImageFormat.GIF: 60,
    ImageFormat.WEBP: 90,
    ImageFormat.PNG: 120,
    ImageFormat.AVIF: 170,
    ImageFormat.HEIC: 800,
}
_RESIZE_COST = 90

_FAILURES = (WandException, EncoderFailed, OSError, *LIMIT_ERRORS)


def render_job(order: JobOrder, tell: Tell, *, avif: AVIFEncoder | None) -> None:
    """Do the whole job; the last answer is Done, or Refused for a picture that cannot be decoded."""
    try:
        job = _Job(order, _VerdictFirst(tell, is_wanted=order.wants_verdict), Encoders(_read_exif(order.specs), avif))
        job.render_stills()
        job.render_animations()
    except Undecodable as error:
        tell(Refused(error.is_too_large), 0)
    else:
        tell(Done(), 0)


def _read_exif(specs: Sequence[RenderSpec]) -> dict[MetadataPolicy, bytes]:
    policies = {spec.metadata for spec in specs} - {MetadataPolicy.NONE}
    return {policy: Path(IN_DIR, exif_name(policy)).read_bytes() for policy in policies}


class _VerdictFirst:
    """Holds answers back until the verdict has been sent, where one is wanted: a small file can be complete before."""

    def __init__(self, tell: Tell, *, is_wanted: bool) -> None:
        self._tell, self._lock = tell, threading.Lock()
        self._held_back: list[tuple[ChildAnswer, int]] | None = [] if is_wanted else None

    def verdict(self, answer: Decoded) -> None:
        with self._lock:
            self._tell(answer, 0)
            for held_back in self._held_back or ():
                self._tell(*held_back)
            self._held_back = None

    def result(self, answer: Rendered | NotRendered, index: int) -> None:
        with self._lock:
            if self._held_back is None:
                self._tell(answer, index)
            else:
                self._held_back.append((answer, index))


@dataclass(frozen=True, slots=True)
class _Sources:
    """What rasters can be taken from besides each other."""

    decoded: dict[int, Raster]
    """By divisor, the smallest first."""
    file: Raster = field(default_factory=lambda: Raster(users=0, image=Image()))
    """Stands for the bytes, which are there from the start."""
    preview: Raster = field(default_factory=lambda: Raster(users=0))
    """The averaged half of the first decode."""

    @property
    def first(self) -> Raster:
        """The decode that the verdict is made of."""
        return next(iter(self.decoded.values()))


@dataclass(slots=True)
class _Job:
    order: JobOrder
    tell: _VerdictFirst
    encoders: Encoders
    _schedule: Schedule = field(default_factory=Schedule)
    _made: list[Raster] = field(default_factory=list)
    _refusal: Undecodable | None = None

    @property
    def facts(self) -> HeaderFacts:
        """What the picture's headers tell."""
        return self.order.facts

    @property
    def specs(self) -> tuple[RenderSpec, ...]:
        """The files to be made."""
        return self.order.specs

    def render_stills(self) -> None:
        """Decode the first frame, give the verdict and write every file that does not move."""
        if not self.order.wants_verdict and all(spec.is_animated for spec in self.specs):
            return
        plan = plan_decodes(self.facts, self.specs)
        rasters = with_preview(plan, self._decoded_size(plan))
        sources = _Sources({divisor: Raster(users=0) for divisor in plan.divisors})
        steps = self._plan_decodes(sources)
        steps += self._plan_verdict(sources, is_halved=any(raster.is_of_preview for raster in rasters))
        self._made = [Raster(users=_count_users(rasters, index)) for index in range(len(rasters))]
        for raster_plan, raster in zip(rasters, self._made, strict=True):
            steps += self._plan_steps(raster_plan, self._choose_source(raster_plan, sources), raster)
        self._schedule.run(steps)
        if self._refusal:
            raise self._refusal

    def render_animations(self) -> None:
        """Write every file that moves; its bytes are checked frame by frame only here."""
        moving = [(index, spec) for index, spec in enumerate(self.specs) if spec.is_animated]
        if not moving:
            return
        try:
            with decode_film(f"{IN_DIR}/{SOURCE_NAME}", self.facts) as frames:
                plays = count_plays(frames)
                films = render_films(frames, self.facts, [spec for _, spec in moving])
        except (Undecodable, *_FAILURES):
            for index, spec in moving:
                self.tell.result(NotRendered(spec.key, "The animation could not be decoded."), index)
            return
        for (index, spec), film in zip(moving, films, strict=True):
            self._write(index, partial(save_film, film, spec, plays=plays))
            film.image.destroy()

    def _decoded_size(self, plan: DecodePlan) -> Size:
        size = decoded_size(self.facts, largest_need(self.facts, self.specs), plan.divisors[0])
        return turn_size(size, self.facts.orientation)

    def _plan_decodes(self, sources: "_Sources") -> list[Step]:
        # The first gives the verdict, which whoever uploaded waits for; the others take longest.
        costs = [0, *(math.inf for _ in sources.decoded)]
        return [
            _use(sources.file, cost, partial(self._decode, divisor, raster))
            for cost, (divisor, raster) in zip(costs, sources.decoded.items(), strict=False)
        ]

    def _decode(self, divisor: int, raster: Raster, _: Image, __: Callable[[], None]) -> None:
        needed = largest_need(self.facts, self.specs)
        try:
            raster.image = decode_still(f"{IN_DIR}/{SOURCE_NAME}", self.facts, needed, divisor=divisor)
        except Undecodable as error:
            self._refuse(error)

    def _plan_verdict(self, sources: "_Sources", *, is_halved: bool) -> list[Step]:
        halve = [_use(sources.first, 0, partial(self._halve, sources.preview))] if is_halved else []
        seen = sources.preview if is_halved else sources.first
        judge = [_use(seen, 0, self._judge)] if self.order.wants_verdict else []
        return halve + judge

    def _choose_source(self, plan: RasterPlan, sources: "_Sources") -> Raster:
        if plan.parent is not None:
            return self._made[plan.parent]
        return sources.preview if plan.is_of_preview else sources.decoded[plan.divisor]

    def _halve(self, preview: Raster, image: Image, _: Callable[[], None]) -> None:
        try:
            half = image.clone()
            half.scale(*preview_size(image.size))
        except _FAILURES as error:
            self._refuse(error)
        else:
            preview.image = half

    def _judge(self, image: Image, _: Callable[[], None]) -> None:
        try:
            self.tell.verdict(make_verdict(image, self.facts))
        except _FAILURES as error:
            self._refuse(error)

    def _refuse(self, error: BaseException) -> None:
        """The picture cannot be decoded: nothing of it is made."""
        is_too_large = isinstance(error, LIMIT_ERRORS) or (isinstance(error, Undecodable) and error.is_too_large)
        self._refusal = Undecodable(is_too_large=is_too_large)
        self._schedule.stop()

    def _plan_steps(self, plan: RasterPlan, source: Raster, raster: Raster) -> list[Step]:
        pixels = plan.cropped[0] * plan.cropped[1]

        # Wider rasters have more waiting for them, so making one ranks with the encodes that follow.
        downstream = sum(_ENCODE_COST[self.specs[index].codec] for index in plan.specs)
        make = partial(self._make, plan, raster)
        steps = [_use(source, pixels * (_RESIZE_COST + downstream), make, is_new=plan.parent is None)]
        for index in plan.specs:
            cost = pixels * _ENCODE_COST[self.specs[index].codec]
            steps.append(Step(raster, cost, partial(self._encode, index)))
        return steps

    def _make(self, plan: RasterPlan, raster: Raster, source: Image, _: Callable[[], None]) -> None:
        is_upright = plan.parent is not None
        # With a single raster the other thread has nothing else to do.
        threads = 2 if len(self._made) == 1 else 1
        try:
            orientation = 1 if is_upright else self.facts.orientation
            raster.image = make_raster(source, plan, orientation=orientation, threads=threads)
        except _FAILURES:
            self._give_up(plan)

    def _give_up(self, plan: RasterPlan) -> None:
        """A raster that cannot be made takes its files with it, and those of every raster behind it."""
        for index in plan.specs:
            self.tell.result(NotRendered(self.specs[index].key, "This size could not be made."), index)

    def _encode(self, index: int, image: Image, release: Callable[[], None]) -> None:
        spec = self.specs[index]
        self._write(index, partial(encode, image, spec, self.encoders, release=release))

    def _write(self, index: int, write: Callable[[str], None]) -> None:
        spec, path, started_at = self.specs[index], f"{OUT_DIR}/{index}", time.perf_counter()
        try:
            write(path)
            byte_size = Path(path).stat().st_size
        except _FAILURES:
            lacks_room = not has_room(path)
            Path(path).unlink(missing_ok=True)
            self.tell.result(NotRendered(spec.key, "This file could not be encoded.", lacks_room), index)
            return
        took_ms = (time.perf_counter() - started_at) * 1000
        done = Rendered(spec.key, Path(path), spec.codec, *spec.size_px, byte_size, spec.is_animated, took_ms)
        self.tell.result(done, index)


def _use(source: Raster, cost: float, run: Callable[[Image, Callable[[], None]], None], *, is_new: bool = True) -> Step:
    """A step that reads `source` beside others; a new user of it, unless it was counted already."""
    source.users += is_new
    return Step(source, cost, run, needs_it_alone=False)


def _count_users(plans: Sequence[RasterPlan], index: int) -> int:
    return len(plans[index].specs) + sum(plan.parent == index for plan in plans)
