"""Two threads for one picture: one takes the dearest step that is ready, the other the cheapest.

So the long encodes start as early as they can, while small files are ready early. ImageMagick reads an
image's pixels through a cache that one thread at a time may use, so a raster is encoded by one thread at a time.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from wand.image import Image


@dataclass(slots=True)
class Raster:
    """A picture in memory and what still needs it; it is destroyed with its last user."""

    users: int
    image: Image | None = None
    is_being_read: bool = False

    def get(self) -> Image:
        """The picture of a raster that is made."""
        assert self.image is not None
        return self.image


@dataclass(slots=True)
class Step:
    """Something to do once its source raster is there."""

    source: Raster
    cost: float
    run: Callable[[Image, Callable[[], None]], None]
    """Given the source's image and what to call as soon as it is not read any more."""
    needs_it_alone: bool = True
    """Encoders do; resizing has its own view of the pixels."""
    result: Raster | None = None


@dataclass(slots=True)
class Schedule:
    """The steps of one job. `run` returns when all are done; a step must not raise."""

    steps: list[Step]
    _lock: threading.Condition = field(default_factory=threading.Condition)
    _running: int = 0

    def run(self) -> None:
        """Do every step, on this thread and one more."""
        helper = None
        if len(self.steps) > 1:
            helper = threading.Thread(target=self._work, kwargs={"takes_dearest": True})
            helper.start()
        self._work(takes_dearest=False)
        if helper:
            helper.join()

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
                    choose = max if takes_dearest else min
                    step = choose(ready, key=lambda candidate: candidate.cost)
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
