"""Commands of Safelight that end by themselves: what they say, and how they end."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.servers.ports import find_free_port
from tests.support.waiting import LIMIT_S

SECRET = "a-secret-of-tests-that-is-long-enough"
SOCKET = "unix:///nowhere/redis.sock?db=0"


def settings_of(data_dir: Path) -> dict[str, str]:
    """The least that the API and a worker want, of which all but Redis is there."""
    return {
        "SAFELIGHT_DATA_DIR": str(data_dir),
        "SAFELIGHT_REDIS_URL": SOCKET,
        "SAFELIGHT_SECRET": SECRET,
        "SAFELIGHT_PORT": str(find_free_port()),
    }


def run_command(*program: str, settings: dict[str, str]) -> tuple[list[str], int]:
    """Every line that it says, and its status."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SAFELIGHT_")}
    done = subprocess.run(
        [sys.executable, "-m", "app", *program],
        env={**inherited, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    return done.stdout.splitlines(), done.returncode
