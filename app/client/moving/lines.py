"""Progress where there is no terminal: plain lines, now and then."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console

from app.client.moving.answers import NewServer
from app.client.moving.items import OldImage
from app.client.moving.journal import Moved
from app.client.moving.reports import Ending, Tally
from app.client.moving.wording import ending_lines, facts_line, progress_text
from app.client.problems import Problem
from app.client.wording import clean, problem_text

EVERY_S = 5.0
MAX_TOLD_LEFT_OUT = 20


class LineReport:
    """Writes to a log or a pipe, without any control character; results go to `results`."""

    def __init__(self, console: Console, results: Console) -> None:
        self._console = console
        self._results = results
        self._tally = Tally()
        self._told_at = time.monotonic()
        self._troubled: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def begin(self, server: NewServer, tally: Tally) -> None:
        """Who is who."""
        self._tally = tally
        self.say(f"Into the account {server.username} of Safelight {server.version}.")

    def advanced(self) -> None:
        """Every few seconds."""
        if time.monotonic() - self._told_at >= EVERY_S:
            self._told_at = time.monotonic()
            self.say(progress_text(self._tally))

    def planned(self, image: OldImage, *, is_there: bool) -> None:
        """To the results."""
        self._results.file.write(facts_line(image, is_there=is_there) + "\n")

    def moved(self, image: OldImage, moved: Moved) -> None:
        """What could not come along, at once; the rest is counted."""
        self._troubled = None
        for reason in moved.left_out:
            self.say(f"{image.old_id}: left out {reason}")

    def failed(self, image: OldImage, problem: Problem) -> None:
        """Which and why."""
        self.say(f"{image.old_id}: failed: {problem_text(problem)}")

    def left_out(self, what: str, problem: Problem) -> None:
        """What and why."""
        self.say(f"{what}: left out: {problem_text(problem)}")

    def trying_again(self, problem: Problem) -> None:
        """Once for each trouble."""
        if self._troubled != problem.code:
            self._troubled = problem.code
            self.say(f"trying again: {problem_text(problem)}")

    def summed_up(self, tally: Tally, ending: Ending) -> None:
        """The last lines."""
        for line in ending_lines(tally, ending):
            self.say(line)

    def gave_up(self, problem: Problem) -> None:
        """One line."""
        self.say(f"safelight: {problem_text(problem)}")

    def say(self, text: str) -> None:
        """A line of its own."""
        self._console.out(clean(text), highlight=False)
