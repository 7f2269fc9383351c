"""Progress on a terminal: one bar for all, lines for what deserves one, a table of what failed."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from app.client.moving.answers import NewServer
from app.client.moving.lines import LineReport
from app.client.moving.reports import Ending, Tally
from app.client.moving.wording import progress_text
from app.client.problems import Problem
from app.client.wording import clean, problem_text

MAX_FAILED_ROWS = 50


class BarReport(LineReport):
    """Draws to a terminal."""

    def __init__(self, console: Console, results: Console) -> None:
        super().__init__(console, results)
        self._progress = Progress(
            BarColumn(bar_width=None),
            TextColumn("{task.fields[words]}", markup=False),
            TextColumn("{task.fields[trouble]}", markup=False, style="yellow"),
            console=console,
            expand=True,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, server: NewServer, tally: Tally) -> None:
        """The bar, empty."""
        super().begin(server, tally)
        self._task = self._progress.add_task("", total=None, words="listing …", trouble="")

    def advanced(self) -> None:
        """The bar grows; its end may do so too, while the old system lists."""
        if self._task is not None:
            tally = self._tally
            self._progress.update(
                self._task,
                total=tally.listed or None,
                completed=tally.done,
                words=progress_text(tally),
                trouble=f"{len(tally.failed):,} failed" if tally.failed else "",
            )

    def trying_again(self, problem: Problem) -> None:
        """Beside the bar; the next progress takes the words away."""
        if self._task is not None:
            self._progress.update(self._task, trouble=f"trying again: {problem.code}")

    def summed_up(self, tally: Tally, ending: Ending) -> None:
        """The bar goes, the table stays."""
        self._progress.stop()
        if tally.failed:
            self._console.print(_table_of(tally))
        super().summed_up(tally, ending)

    def say(self, text: str) -> None:
        """Above the bar."""
        self._progress.console.print(Text(clean(text)), highlight=False)


def _table_of(tally: Tally) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("Old id", overflow="fold")
    table.add_column("Why it is not there", overflow="fold")
    for old_id, problem in list(tally.failed.items())[:MAX_FAILED_ROWS]:
        table.add_row(Text(clean(old_id)), Text(problem_text(problem), style="red"))
    if len(tally.failed) > MAX_FAILED_ROWS:
        table.add_row("…", f"and {len(tally.failed) - MAX_FAILED_ROWS:,} more: all are in the journal")
    return table
