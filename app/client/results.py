"""The stable URLs, at the end: a table for people, tab-separated lines for programs."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.client.answers import Variant
from app.client.reports import Outcome
from app.client.wording import byte_text, clean, pixel_text

# What the columns beside the URL take, their gaps included.
_OTHER_COLUMNS = 28


class Results:
    """Collects what became of files. Lines are written at once, a table when all are known."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._outcomes: list[Outcome] = []

    def add(self, outcome: Outcome) -> None:
        """One more file."""
        if outcome.readiness is None:
            return
        if self._console.is_terminal:
            self._outcomes.append(outcome)
            return
        for variant in outcome.readiness.variants:
            # A tab or a line break in a name would be taken for one of ours.
            line = "\t".join((clean(str(outcome.path)), variant.name, variant.state, variant.url))
            # Past the console, which would make spaces of the tabs.
            self._console.file.write(line + "\n")

    def finish(self) -> None:
        """Write the tables."""
        outcomes, self._outcomes = self._outcomes, []
        for outcome in sorted(outcomes, key=lambda outcome: str(outcome.path)):
            assert outcome.readiness is not None
            self._console.print()
            self._console.print(_heading_of(outcome))
            self._print_table(outcome.readiness.variants)
        if outcomes:
            self._console.print()

    def _print_table(self, variants: tuple[Variant, ...]) -> None:
        longest = max((len(variant.url) for variant in variants), default=0)
        if longest + _OTHER_COLUMNS <= self._console.width:
            self._console.print(_table_of(variants, beginning=""))
            return
        # On a small screen what all addresses begin with stands once, above; each end is still a link to click.
        beginning = variants[0].url.rsplit("/", 2)[0]
        self._console.print(Text(beginning), soft_wrap=True)
        self._console.print(_table_of(variants, beginning=beginning))


def _heading_of(outcome: Outcome) -> Text:
    assert outcome.readiness is not None
    facts = [pixel_text(outcome.readiness), byte_text(outcome.byte_size)]
    if outcome.is_duplicate:
        facts.append("was there already")
    return Text.assemble((clean(str(outcome.path)), "bold"), "  ", ("  ".join(filter(None, facts)), "dim"))


def _table_of(variants: tuple[Variant, ...], *, beginning: str) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("URL", no_wrap=True)
    table.add_column("Pixels", justify="right", no_wrap=True)
    table.add_column("Size", justify="right", no_wrap=True)
    for variant in variants:
        shown = ("  " if beginning else "") + variant.url.removeprefix(beginning)
        state = (variant.error_code or variant.state.lower(), "red" if variant.is_failed else "dim")
        pixels = Text(pixel_text(variant)) if variant.is_ready else Text.assemble(state)
        table.add_row(Text(shown, style=f"link {variant.url}"), pixels, byte_text(variant.byte_size))
    return table
