"""Two threads for one picture: one takes the dearest step that is ready, the other the cheapest, while there are any.

So the long encodes start as early as they can, while small files are ready early; and when only long ones are left,
both take the longest first, so that they end at about the same time. ImageMagick reads an
image's pixels through a cache that one thread at a time may use, so a raster is encoded by one thread at a time.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from wand.image import Image

_QUICK_NS = 20_000_000


# Compared by identity: comparing two pictures would hash all their pixels.
@dataclass(slots=True, eq=False)
class Raster:
    """A picture in memory and what still needs it; it is destroyed with its last user."""

    users: int
    image: Image | None = None
    is_being_read: bool = False

    def get(self) -> Image:
        """The picture of a raster that is made."""
        assert self.image is not None
        return self.image


@dataclass(slots=True, eq=False)
class Step:
    """Something to do once its source raster is there."""

    source: Raster
    cost: float
    """Roughly nanoseconds, with those of what waits for its result."""
    run: Callable[[Image, Callable[[], None]], None]
    """Given the source's image and what to call as soon as it is not read any more."""
    needs_it_alone: bool = True
    """Encoders do; resizing has its own view of the pixels."""
    result: Raster | None = None


@dataclass(slots=True)
class Schedule:
    """Does the steps of one job."""

    steps: list[Step] = field(default_factory=list)
    _lock: threading.Condition = field(default_factory=threading.Condition)
    _running: int = 0

    def run(self, steps: Sequence[Step]) -> None:
        """Do every step, on this thread and one more; return when all are done. A step must not raise."""
        self.steps = list(steps)
        helper = None
        if len(self.steps) > 1:
            helper = threading.Thread(target=self._work, kwargs={"takes_dearest": True})
            helper.start()
        self._work(takes_dearest=False)
        if helper:
            helper.join()

    def stop(self) -> None:
        """Begin no further step."""
        with self._lock:
            self.steps.clear()

    def _work(self, *, takes_dearest: bool) -> None:
        while step := self._take(takes_dearest=takes_dearest):
            image = step.source.get()
            has_released = [False]

            def release(step: Step = step, has_released: list[bool] = has_released) -> None:
                if not has_released[0]:
                    has_released[0] = True
                    self._release(step)

            try:
                step.run(image, release)
            finally:  # even a bug must not leave the other thread waiting
                release()
                with self._lock:
                    self._running -= 1
                    self._lock.notify_all()

    def _take(self, *, takes_dearest: bool) -> Step | None:
        with self._lock:
            while self.steps:
                ready = [step for step in self.steps if self._is_ready(step)]
                if ready:
                    step = _choose(ready, takes_dearest=takes_dearest)
                    self.steps.remove(step)
                    step.source.is_being_read |= step.needs_it_alone
                    self._running += 1
                    return step
                if self._running == 0:
                    self.steps.clear()  # what is left waits for a raster that could not be made
                    break
                self._lock.wait()
            return None

    @staticmethod
    def _is_ready(step: Step) -> bool:
        source = step.source
        return source.image is not None and not (step.needs_it_alone and source.is_being_read)

    def _release(self, step: Step) -> None:
        with self._lock:
            if step.needs_it_alone:
                step.source.is_being_read = False
            step.source.users -= 1
            if step.source.users == 0:
                step.source.get().destroy()
            self._lock.notify_all()


def _choose(ready: Sequence[Step], *, takes_dearest: bool) -> Step:
    quick = [] if takes_dearest else [step for step in ready if step.cost <= _QUICK_NS]
    if quick:
        return min(quick, key=lambda step: step.cost)
    return max(ready, key=lambda step: step.cost)
