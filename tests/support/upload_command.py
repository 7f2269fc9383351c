"""`safelight upload`: called in this process, or as a process of its own."""

import contextlib
import json
import os
import pty
import re
import select
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from app.client.command import upload as command
from tests.support.paths import ROOT
from tests.support.servers.prepared import API_KEY
from tests.support.waiting import LIMIT_S

ESCAPE = re.compile(r"\x1b\][^\x1b\x07]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]")
"""What a terminal does not show."""


def command_line(*arguments: str | Path) -> list[str]:
    """The command with its arguments; warnings are errors in it too."""
    return [sys.executable, "-W", "error", "-m", "app", "upload", *map(str, arguments)]


def environment_for(url: str, **more: str) -> dict[str, str]:
    """What the command sees: nothing of ours but the address and a key."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SAFELIGHT_")}
    kept |= {"PYTHONPATH": str(ROOT), "SAFELIGHT_URL": url, "SAFELIGHT_KEY": API_KEY, "TERM": "xterm-256color"}
    return {name: value for name, value in (kept | more).items() if name not in {"COLUMNS", "NO_COLOR", "FORCE_COLOR"}}


def upload(
    url: str, *arguments: str | Path, folder: Path, key: str = API_KEY, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run it to its end in this process, which spares the start of another; tests of this run no event loop."""
    words = [str(argument) for argument in arguments]
    settings = environment_for(url, SAFELIGHT_KEY=key, **environment)
    cleared = dict.fromkeys(set(os.environ) - set(settings))
    with contextlib.chdir(folder):
        result = CliRunner().invoke(command, words, env=cleared | settings)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return subprocess.CompletedProcess(words, result.exit_code, result.stdout, result.stderr)


def upload_as_process(
    url: str, *arguments: str | Path, folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run it to its end as people do, writing into pipes."""
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
    """Begin it as a process."""
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


def upload_on_terminal(
    url: str, *arguments: str | Path, folder: Path, key: str = API_KEY, columns: int = 80
) -> tuple[int, str]:
    """Run it on a terminal of this width; the exit status and all that was drawn."""
    environment = environment_for(url, SAFELIGHT_KEY=key)
    return run_on_terminal(command_line(*arguments), environment, folder=folder, columns=columns)


def run_on_terminal(
    command: list[str], environment: dict[str, str], *, folder: Path, columns: int = 80
) -> tuple[int, str]:
    """The same for any command."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, columns))
    process = subprocess.Popen(command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    drawn = bytearray()
    while select.select([ours], [], [], LIMIT_S)[0]:
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
