"""What every step of the set-up shares: saying what it does, running a command, remembering what was done."""

import hashlib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
_STAMPS = VENV / "stamps"
_SHOWN_LINES = 25


class StepFailed(Exception):
    """A step could not be done; the text says what to do about it."""


def say(text: str) -> None:
    """One line of progress."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """One line of what is wrong."""
    sys.stderr.write(f"set-up: {text}\n")
    sys.stderr.flush()


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    started_at = time.monotonic()
    say(f"· {text} …")
    yield
    say(f"  done in {time.monotonic() - started_at:.0f} s")


def run(
    command: Sequence[str | Path], advice: str, *, cwd: Path = ROOT, extra: Mapping[str, str] | None = None
) -> None:
    """Run a command quietly; where it fails, show the end of what it said, and the advice."""
    words = [str(word) for word in command]
    result = subprocess.run(  # noqa: S603 (our own lists of words, no shell)
        words,
        cwd=cwd,
        env=os.environ | dict(extra or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode != 0:
        for line in result.stdout.splitlines()[-_SHOWN_LINES:]:
            say(f"    {line}")
        raise StepFailed(f"`{shlex.join(words)}` ended with status {result.returncode}. {advice}")


def digest(paths: Iterable[Path], *facts: str) -> str:
    """A hash of files' names and bytes, and of other facts that a step depends on."""
    total = hashlib.sha256("\0".join(facts).encode())
    for path in sorted(paths):
        total.update(f"\0{path}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def is_done(name: str, state: str) -> bool:
    """Was this step done with exactly this state of its inputs?"""
    stamp = _STAMPS / name
    return stamp.is_file() and stamp.read_text() == state


def mark_done(name: str, state: str) -> None:
    """Remember it, in the virtual environment: removing that folder forgets everything."""
    _STAMPS.mkdir(parents=True, exist_ok=True)
    (_STAMPS / name).write_text(state)
