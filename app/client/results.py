"""The stable URLs, at the end: in columns for people, in tab-separated lines for programs."""

from rich.console import Console
from rich.text import Text

from app.client.answers import Variant
from app.client.reports import Outcome
from app.client.wording import byte_text, clean, pixel_text


class Results:
    """Collects what became of files. Lines are written at once, columns when all are known."""

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
        """Write the addresses of each file below its name."""
        outcomes, self._outcomes = self._outcomes, []
        for outcome in sorted(outcomes, key=lambda outcome: str(outcome.path)):
            assert outcome.readiness is not None
            self._console.print()
            self._console.print(_heading_of(outcome))
            self._print_variants(outcome.readiness.variants)
        if outcomes:
            self._console.print()

    def _print_variants(self, variants: tuple[Variant, ...]) -> None:
        if not variants:
            return
        facts = [(_pixels_of(variant), byte_text(variant.byte_size)) for variant in variants]
        pixels_width, bytes_width = (max(map(len, column)) for column in zip(*facts, strict=True))
        for variant, (pixels, size) in zip(variants, facts, strict=True):
            style = "" if variant.is_ready else "red" if variant.is_failed else "dim"
            words = Text.assemble(
                ("  " + pixels.rjust(pixels_width), style),
                "  " + size.rjust(bytes_width) + "  ",
                (variant.url, f"link {variant.url}"),
            )
            # The address whole and at the end: a terminal that is too narrow wraps it by itself, and copies it whole.
            self._console.print(words, soft_wrap=True)


def _heading_of(outcome: Outcome) -> Text:
    assert outcome.readiness is not None
    facts = [pixel_text(outcome.readiness), byte_text(outcome.byte_size)]
    if outcome.is_duplicate:
        facts.append("was there already")
    return Text.assemble((clean(str(outcome.path)), "bold"), "  ", ("  ".join(filter(None, facts)), "dim"))


def _pixels_of(variant: Variant) -> str:
    return pixel_text(variant) if variant.is_ready else variant.error_code or variant.state.lower()
