"""`safelight import`: called in this process, or as a process of its own."""

import contextlib
import csv
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from app.client.moving.command import import_ as command
from tests.support.site import Site
from tests.support.upload_command import environment_for, events_of, of_kind
from tests.support.waiting import LIMIT_S


class Mover:
    """Moves one person's account to another's, as often as it takes."""

    def __init__(
        self, old_url: str, old_key: str, new: Site, new_key: str, folder: Path, system: str, *more: str | Path
    ) -> None:
        self.journal, self.mapping = folder / "journal.jsonl", folder / "mapping.csv"
        self.folder = folder
        self.words = [
            system, "--from", old_url, "--journal", str(self.journal), "--mapping", str(self.mapping), *map(str, more),
        ]  # fmt: skip
        self.command = [sys.executable, "-W", "error", "-m", "app", "import", *self.words]
        self.environment = environment_for(new.base_url, SAFELIGHT_KEY=new_key, SAFELIGHT_IMPORT_KEY=old_key)

    def run(self, *more: str) -> subprocess.CompletedProcess[str]:
        """To its end in this process, which spares the start of another; tests of this run no event loop."""
        cleared = dict.fromkeys(set(os.environ) - set(self.environment))
        with contextlib.chdir(self.folder):
            result = CliRunner().invoke(command, [*self.words, *more], env=cleared | self.environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return subprocess.CompletedProcess(self.words, result.exit_code, result.stdout, result.stderr)

    def run_apart(self, *more: str) -> subprocess.CompletedProcess[str]:
        """To its end in a process of its own, writing into pipes."""
        return subprocess.run(
            [*self.command, *more],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def run_until(self, moved: int, *more: str, end: signal.Signals) -> int:
        """End its process by a signal when it has reported so many images; its exit status."""
        process = self.start("--json", *more)
        assert process.stdout is not None
        told = 0
        for line in process.stdout:
            told += '"event": "moved"' in line
            if told == moved:
                os.kill(process.pid, end)
                break
        process.communicate(timeout=LIMIT_S)
        assert told == moved, "it ended too early"
        return process.returncode

    def start(self, *more: str) -> subprocess.Popen[str]:
        """Begin it as a process."""
        return subprocess.Popen(
            [*self.command, *more],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    # Lines are JSON whose shape each test knows: Any.
    def finish(self, *more: str) -> dict[str, Any]:
        """Run it in this process to a good end; its last event."""
        return _end_of(self.run("--json", *more))

    def finish_apart(self, *more: str) -> dict[str, Any]:
        """The same as a process."""
        return _end_of(self.run_apart("--json", *more))

    def rows(self) -> list[dict[str, str]]:
        """The mapping."""
        with self.mapping.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


def failures(mover: Mover) -> dict[str, str]:
    """The codes of the images that could not be copied, by old id; all others were."""
    done = mover.run("--json")
    events = events_of(done.stdout)
    [end] = of_kind(events, "end")
    assert done.returncode == (1 if end["failed"] or "code" in end else 0), done.stdout + done.stderr
    return {event["oldId"]: event["code"] for event in of_kind(events, "failed")}


def _end_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    [end] = of_kind(events_of(done.stdout), "end")
    return end
