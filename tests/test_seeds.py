"""docs/seeds.md: every row of the ledger has a test or a reason, and what it names is there."""

import os
import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.seeds import MAX_TESTS, ROWS, claims_of, covers, read_page, rows_in


def test_every_row_of_the_ledger_is_listed_once_in_its_order() -> None:
    assert [seed.row for seed in read_page()] == ROWS


def test_every_row_has_a_test_or_the_sentence_why_not() -> None:
    assert [seed.row for seed in read_page() if not seed.tests and not seed.note.endswith((".", "!", "?", ")"))] == []


def test_every_test_that_is_named_exists_and_names_the_row_too() -> None:
    lost = [
        (seed.row, name)
        for seed in read_page()
        for name, path in seed.tests
        if not any(found == name and seed.row in rows_in(said) for found, said in claims_of((ROOT / path).read_text()))
    ]

    assert lost == []


def test_the_page_is_up_to_date() -> None:
    """Else: python -m tests.support.seeds."""
    written = {seed.row: list(seed.tests) for seed in read_page()}

    assert written == {row: covers().get(row, [])[:MAX_TESTS] for row in ROWS}


def test_our_list_of_rows_is_the_ledgers() -> None:
    beside = ROOT.parent / "shared" / "reference"
    ledger = Path(os.environ.get("SAFELIGHT_REFERENCE") or beside) / "ledger.md"
    if not ledger.is_file():
        pytest.skip("no reference: set SAFELIGHT_REFERENCE, or put it into ../shared/reference")

    rows = re.findall(r"^\| ((?:PF|CI|PX|CA|SL)-\d+|K\d+) ", ledger.read_text(), flags=re.MULTILINE)

    assert rows == ROWS
