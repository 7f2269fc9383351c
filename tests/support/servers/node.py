"""Node with the npm clients that tests point at our servers."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.servers.programs import find_node, refuse

NODE_PROJECT = ROOT / "tests" / "node"
_INSTALL_TIMEOUT_S = 300


@pytest.fixture(scope="session")
def node() -> str:
    """The path of a node, with the test clients of the lock file installed."""
    found = find_node()
    if not _is_installed():
        folder = Path(found.binary).parent
        installed = subprocess.run(
            [*found.npm, "ci", "--no-audit", "--no-fund"],
            cwd=NODE_PROJECT,
            env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=_INSTALL_TIMEOUT_S,
        )
        if installed.returncode != 0:
            refuse(f"npm ci failed: {installed.stderr[-300:]}")
    return found.binary


def _is_installed() -> bool:
    """Are the packages there that the lock names? npm keeps a lock of what it installed beside them."""
    kept = NODE_PROJECT / "node_modules" / ".package-lock.json"
    if not kept.is_file():
        return False
    there = _versions_in(kept)
    return all(there.get(name) == version for name, version in _versions_in(NODE_PROJECT / "package-lock.json").items())


def _versions_in(lock: Path) -> dict[str, str]:
    packages = json.loads(lock.read_text())["packages"]
    # The first is the project itself; what is optional may be for another machine.
    return {name: each["version"] for name, each in packages.items() if name and not each.get("optional")}
