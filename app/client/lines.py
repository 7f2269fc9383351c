"""Progress where there is no terminal: one plain line for each thing worth a line."""

from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console

from app.client.answers import Readiness, Server
from app.client.problems import Problem
from app.client.reports import Ending, Outcome
from app.client.results import Results
from app.client.wording import byte_text, clean, ending_text, outcome_text, problem_text


class LineReport:
    """Writes to a log or a pipe, without any control character."""

    def __init__(self, console: Console, results: Results) -> None:
        self._console = console
        self._results = results
        self._troubled: set[Path] = set()
        self._unsent: dict[Path, int] = {}
        """Sizes of files of which no byte has gone; of some none will, as the server has them all."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def begin(self, server: Server, file_count: int) -> None:
        """Nothing to say."""

    def opened(self, path: Path, image_id: str, byte_size: int) -> None:
        """Nothing to say: whether anything is sent, and which image it becomes, is not certain yet."""
        self._unsent[path] = byte_size

    def sent(self, path: Path, sent_bytes: int) -> None:
        """Say it once."""
        if path in self._unsent:
            self._say(path, f"sending {byte_text(self._unsent.pop(path))}")

    def changed(self, path: Path, readiness: Readiness) -> None:
        """The line is well again."""
        self._troubled.discard(path)

    def trying_again(self, path: Path, problem: Problem) -> None:
        """Say it once for each trouble."""
        if path not in self._troubled:
            self._troubled.add(path)
            self._say(path, f"trying again: {problem_text(problem)}")

    def ended(self, outcome: Outcome) -> None:
        """How it went."""
        if outcome.problem is not None:
            self._say(outcome.path, f"failed: {problem_text(outcome.problem)}")
        else:
            self._say(outcome.path, outcome_text(outcome))
        self._results.add(outcome)

    def summed_up(self, ending: Ending) -> None:
        """The last line."""
        self._results.finish()
        self._console.out(ending_text(ending), highlight=False)

    def gave_up(self, problem: Problem) -> None:
        """Nothing could begin."""
        self._console.print(f"safelight: {problem_text(problem)}", markup=False, highlight=False, soft_wrap=True)

    def _say(self, path: Path, text: str) -> None:
        self._console.out(f"{clean(str(path))}: {text}", highlight=False)
