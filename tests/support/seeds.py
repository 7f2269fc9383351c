"""Which test covers which row of the ledger: docs/seeds.md is read here, and written anew by

    python -m tests.support.seeds

which fills in the tests and leaves the notes as they are. A test covers the rows that its docstring or a comment in it
or right above it names, alone (`PF-05`) or as a range (`PF-05 to PF-09`).
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "seeds.md"
ROWS = (Path(__file__).parent / "ledger_rows.txt").read_text().split()
MAX_TESTS = 3
"""So many tests of a row are listed; more of them say no more."""

_ROW = re.compile(r"^\| ([A-Z]+-?\d+) \| ?(.*?) ?\| ?(.*?) ?\|$", re.MULTILINE)
_TEST = re.compile(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)")
_NAMED = re.compile(r"\b(PF|CI|PX|CA|SL|K)-?(\d+)(?: to \1-?(\d+))?\b")


@dataclass(frozen=True)
class Seed:
    """One row of the page."""

    row: str
    tests: tuple[tuple[str, str], ...]
    """Each test's name and file."""
    note: str


def read_page() -> list[Seed]:
    """The rows of docs/seeds.md, in order."""
    return [
        Seed(found[1], tuple((name, path) for name, path in _TEST.findall(found[2])), found[3])
        for found in _ROW.finditer(PAGE.read_text())
    ]


@cache
def covers() -> dict[str, list[tuple[str, str]]]:
    """The tests of each row that any names."""
    covered: dict[str, list[tuple[str, str]]] = {}
    # Those of the faces say most about a face, whatever comes before them in the alphabet.
    paths = sorted((ROOT / "tests").rglob("test_*.py"), key=lambda path: ("faces" not in path.parts, path))
    for path in paths:
        for name, said in claims_of(path.read_text()):
            for row in rows_in(said):
                covered.setdefault(row, []).append((name, path.relative_to(ROOT).as_posix()))
    return covered


def claims_of(source: str) -> Iterator[tuple[str, str]]:
    """Each test of a module with its docstring and comments."""
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
            while first > 0 and lines[first - 1].startswith("#"):
                first -= 1
            comments = (line.partition("#")[2] for line in lines[first : node.end_lineno] if "#" in line)
            yield node.name, "\n".join([ast.get_docstring(node) or "", *comments])


def rows_in(said: str) -> list[str]:
    """The rows that a text names, ranges written out; only those that the ledger has."""
    rows: list[str] = []
    for system, first, last in _NAMED.findall(said):
        for number in range(int(first), int(last or first) + 1):
            row = f"K{number}" if system == "K" else f"{system}-{number:02}"
            rows += [row] if row in _KNOWN and row not in rows else []
    return rows


_KNOWN = frozenset(ROWS)


def write_page() -> None:
    """Fill in the tests."""
    PAGE.write_text(_ROW.sub(lambda found: _line(found[1], found[3]), PAGE.read_text()))


def _line(row: str, note: str) -> str:
    tests = ", ".join(f"[`{name}`](../{path})" for name, path in covers().get(row, [])[:MAX_TESTS])
    return f"| {row} | {tests} | {note} |"


if __name__ == "__main__":
    write_page()
    open_rows = [seed.row for seed in read_page() if not seed.tests and not seed.note]
    sys.stdout.write(f"{len(open_rows)} rows have neither test nor note: {' '.join(open_rows)}\n")
