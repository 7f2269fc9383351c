"""What is told while an account moves in, and the count that it is told from."""

from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from app.client.moving.answers import NewServer
from app.client.moving.items import OldImage
from app.client.moving.journal import Moved
from app.client.problems import Problem


@dataclass(slots=True)
class Tally:
    """How far a run is."""

    listed: int = 0
    """Images that the old system has shown so far."""
    is_all_listed: bool = False
    skipped: int = 0
    """There since an earlier run."""
    moved: int = 0
    moved_bytes: int = 0
    failed: dict[str, Problem] = field(default_factory=dict)
    """By old id."""
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """Nothing more will come of these."""
        return self.skipped + self.moved + len(self.failed)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended."""

    is_dry: bool
    is_interrupted: bool
    problem: Problem | None
    """What ended it before its time."""
    took_s: float
    mapping: str | None
    """Where the addresses stand; None where they were not written."""

    def is_good(self, tally: Tally) -> bool:
        """Did all go well?"""
        return self.problem is None and not self.is_interrupted and not tally.failed


class Report(Protocol):
    """Somebody who is told. Entered before the first word, left after the last."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def begin(self, server: NewServer, tally: Tally) -> None:
        """Both answer."""

    def advanced(self) -> None:
        """The tally has changed."""

    def planned(self, image: OldImage, *, is_there: bool) -> None:
        """A dry run: this one would be copied, or is there already."""

    def moved(self, image: OldImage, moved: Moved) -> None:
        """This one is through."""

    def failed(self, image: OldImage, problem: Problem) -> None:
        """This one is not."""

    def left_out(self, what: str, problem: Problem) -> None:
        """Something that is no image, and was not taken."""

    def trying_again(self, problem: Problem) -> None:
        """Something passing went wrong."""

    def summed_up(self, tally: Tally, ending: Ending) -> None:
        """The end."""

    def gave_up(self, problem: Problem) -> None:
        """Nothing could begin."""
