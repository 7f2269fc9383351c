"""Progress on a terminal: a bar for each file on its way, a line for each that is through."""

import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from app.client.answers import Readiness, Server
from app.client.problems import Problem
from app.client.reports import Ending, Outcome
from app.client.results import Results
from app.client.wording import amount, byte_text, clean, ending_text, outcome_text, problem_text, shorten

# Of the terminal's width: a third for the name, a third for the words behind the bar.
_SHARE = 3
_WIDEST_NAME = 40
_WORDS_WIDTH = 24


class BarReport:
    """Draws to a terminal; what came of the files goes to `results` when the bars are gone."""

    def __init__(self, console: Console, results: Results) -> None:
        self._console = console
        self._results = results
        self._name_width = min(_WIDEST_NAME, console.width // _SHARE)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(width=self._name_width, no_wrap=True)),
            BarColumn(bar_width=None),
            TextColumn(
                "{task.fields[words]}",
                markup=False,
                justify="right",
                table_column=Column(width=_WORDS_WIDTH, no_wrap=True, overflow="ellipsis"),
            ),
            console=console,
            expand=True,
            transient=True,
        )
        self._tasks: dict[Path, TaskID] = {}
        self._sizes: dict[Path, int] = {}
        self._started_at: dict[Path, float] = {}
        self._overall: TaskID | None = None
        self._total = 0
        self._done = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, server: Server, file_count: int) -> None:
        """Show how much there is to do."""
        self._total = file_count
        if file_count > 1:
            words = f"0 of {amount(file_count, 'file', 'files')}"
            self._overall = self._progress.add_task("All", total=file_count, words=words)

    def opened(self, path: Path, image_id: str, byte_size: int) -> None:
        """A bar for this file, above that for all."""
        self._sizes[path] = byte_size
        self._started_at[path] = time.monotonic()
        name = shorten(clean(str(path)), self._name_width)
        self._tasks[path] = self._progress.add_task(name, total=byte_size, words="")

    def sent(self, path: Path, sent_bytes: int) -> None:
        """The bar is what has gone of the file."""
        size = self._sizes[path]
        words = f"{byte_text(sent_bytes)} of {byte_text(size)}" if sent_bytes < size else "checking"
        self._progress.update(self._tasks[path], total=size, completed=sent_bytes, words=words)

    def changed(self, path: Path, readiness: Readiness) -> None:
        """From the first variant on, the bar is what is ready of the image."""
        if path in self._tasks and readiness.ready_count:
            total = len(readiness.variants)
            words = f"{readiness.ready_count} of {amount(total, 'variant', 'variants')}"
            self._progress.update(self._tasks[path], total=total, completed=readiness.ready_count, words=words)

    def trying_again(self, path: Path, problem: Problem) -> None:
        """The bar says so; the next progress takes the words away."""
        if path in self._tasks:
            self._progress.update(self._tasks[path], words="trying again …")

    def ended(self, outcome: Outcome) -> None:
        """A line that stays, in the place of the bar."""
        if outcome.path in self._tasks:
            self._progress.remove_task(self._tasks.pop(outcome.path))
        self._done += 1
        if self._overall is not None:
            words = f"{self._done} of {amount(self._total, 'file', 'files')}"
            self._progress.update(self._overall, completed=self._done, words=words)
        self._progress.console.print(self._line_of(outcome))
        self._results.add(outcome)

    def summed_up(self, ending: Ending) -> None:
        """The bars go, the results and one line stay."""
        self._progress.stop()
        self._results.finish()
        self._console.print(Text(ending_text(ending), style="bold"))

    def gave_up(self, problem: Problem) -> None:
        """Nothing could begin."""
        self._console.print(f"safelight: {problem_text(problem)}", markup=False, highlight=False, soft_wrap=True)

    def _line_of(self, outcome: Outcome) -> Text:
        name = clean(str(outcome.path))
        if outcome.problem is not None:
            return Text.assemble(("✗ ", "red"), (name, "bold"), "  ", (problem_text(outcome.problem), "red"))
        mark = ("✓ ", "green") if outcome.is_good else ("✗ ", "red")
        took = time.monotonic() - self._started_at.get(outcome.path, time.monotonic())
        return Text.assemble(mark, (name, "bold"), "  ", (f"{outcome_text(outcome)}, {took:.1f} s", "dim"))
