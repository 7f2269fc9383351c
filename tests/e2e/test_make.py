"""What a person types: `make` explains itself, and the lock files are those of this checkout."""

import shutil
import subprocess
import sys

import pytest

from tests.support.paths import ROOT


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
def test_make_alone_lists_every_command_that_the_papers_name() -> None:
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    for command in ("run", "test", "check", "bench", "sdl", "lock", "migration", "up"):
        assert f"make {command} " in said


def test_locks_hold_what_the_project_names_and_no_host() -> None:
    checked = subprocess.run(
        [sys.executable, "setup/lock.py", "check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (checked.returncode, checked.stderr) == (0, "")
