"""`safelight upload` as a process of its own."""

import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT
from tests.support.servers.prepared import API_KEY

LIMIT_S = 60.0


def command_line(*arguments: str | Path) -> list[str]:
    """The command with its arguments; warnings are errors in it too."""
    return [sys.executable, "-W", "error", "-m", "app", "upload", *map(str, arguments)]


def environment_for(url: str, **more: str) -> dict[str, str]:
    """What the command sees: nothing of ours but the address and a key."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SAFELIGHT_")}
    kept |= {"PYTHONPATH": str(ROOT), "SAFELIGHT_URL": url, "SAFELIGHT_KEY": API_KEY, "TERM": "xterm-256color"}
    return {name: value for name, value in (kept | more).items() if name not in {"COLUMNS", "NO_COLOR", "FORCE_COLOR"}}


def upload(url: str, *arguments: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end, writing into pipes."""
    return subprocess.run(
        command_line(*arguments),
        cwd=folder,
        env=environment_for(url, **environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def start(url: str, *arguments: str | Path, folder: Path) -> subprocess.Popen[str]:
    """Begin it."""
    return subprocess.Popen(
        command_line(*arguments),
        cwd=folder,
        env=environment_for(url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


# Lines are JSON whose shape each test knows: Any.
def events_of(text: str) -> list[dict[str, Any]]:
    """What --json has written."""
    return [json.loads(line) for line in text.splitlines()]


def upload_on_terminal(url: str, *arguments: str | Path, folder: Path, columns: int = 80) -> tuple[int, str]:
    """Run it on a terminal of this width; the exit status and all that was drawn."""
    return run_on_terminal(command_line(*arguments), environment_for(url), folder=folder, columns=columns)


def run_on_terminal(
    command: list[str], environment: dict[str, str], *, folder: Path, columns: int = 80
) -> tuple[int, str]:
    """The same for any command."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, columns))
    process = subprocess.Popen(command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    drawn, deadline = bytearray(), time.monotonic() + LIMIT_S
    while time.monotonic() < deadline and select.select([ours], [], [], LIMIT_S)[0]:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # Linux's way to say that the other side has closed
            break
        if not part:
            break
        drawn += part
    os.close(ours)
    return process.wait(LIMIT_S), drawn.decode()


def of_kind(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == kind]


def codes_of(events: list[dict[str, Any]]) -> dict[str, str]:
    return {Path(event["file"]).name: event["code"] for event in of_kind(events, "failed")}


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
