"""What is told while files are on their way, and what became of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from app.client.answers import Readiness, Server, Variant
from app.client.problems import Problem


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: an image, or a problem, or both where the image is there and not all of it ready."""

    path: Path
    readiness: Readiness | None = None
    byte_size: int = 0
    is_duplicate: bool = False
    problem: Problem | None = None

    @property
    def failed_variants(self) -> tuple[Variant, ...]:
        """Those that will never be there."""
        return tuple(v for v in self.readiness.variants if v.is_failed) if self.readiness else ()

    @property
    def is_good(self) -> bool:
        """Did all go well?"""
        return self.problem is None and not self.failed_variants


@dataclass(frozen=True, slots=True)
class Ending:
    """How a whole run ended."""

    outcomes: Sequence[Outcome]
    cancelled: Mapping[Path, bool]
    """Of the files that Ctrl-C kept from arriving: whether the session could be cancelled."""
    is_interrupted: bool
    took_s: float


class Report(Protocol):
    """Somebody who is told; files are known by their paths. Entered before the first word, left after the last."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def begin(self, server: Server, file_count: int) -> None:
        """The server answers; so many files follow."""

    def opened(self, path: Path, image_id: str, byte_size: int) -> None:
        """A session is open, and the image's id known."""

    def sent(self, path: Path, sent_bytes: int) -> None:
        """So much has gone; 0 again where a broken upload begins anew."""

    def changed(self, path: Path, readiness: Readiness) -> None:
        """An event of the subscription."""

    def trying_again(self, path: Path, problem: Problem) -> None:
        """Something passing went wrong."""

    def ended(self, outcome: Outcome) -> None:
        """Nothing more will come of this file."""

    def summed_up(self, ending: Ending) -> None:
        """All are through, or Ctrl-C was pressed."""

    def gave_up(self, problem: Problem) -> None:
        """Nothing could begin: no server, or not with this key."""
