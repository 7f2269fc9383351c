"""`safelight migrate`: nothing goes by accident, and no secret of the owner's is printed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.app_commands import run_command, settings_of


def tables_of(data_dir: Path) -> set[str]:
    with closing(sqlite3.connect(data_dir / "safelight.db")) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@pytest.mark.parametrize("target", ["base", "0003"])
def test_going_back_needs_a_yes(tmp_path: Path, target: str) -> None:
    settings = settings_of(tmp_path)
    assert run_command("migrate", settings=settings)[1] == 0
    before = tables_of(tmp_path)

    lines, status = run_command("migrate", "--to", target, settings=settings)

    assert status == 1
    assert "--yes" in lines[-1], lines
    assert tables_of(tmp_path) == before
    assert run_command("migrate", "--to", target, "--yes", settings=settings)[1] == 0
    assert tables_of(tmp_path) < before
    # Forwards there is nothing to lose.
    assert run_command("migrate", settings=settings)[1] == 0
    assert tables_of(tmp_path) == before


def test_a_key_that_the_owner_chose_is_not_printed(tmp_path: Path) -> None:
    key = "sl_" + "k" * 40

    lines, status = run_command("migrate", settings={**settings_of(tmp_path), "SAFELIGHT_BOOTSTRAP_KEY": key})

    assert status == 0
    assert not [line for line in lines if key in line], lines
