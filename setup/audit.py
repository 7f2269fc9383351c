"""`python3 setup/audit.py`: ask the package indexes for known weaknesses in what the lock files name.

Ends with 1 where one is found. An index that cannot be reached is a line, and no failure: a machine without a network
could not pass otherwise.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from programs import find_or_install_node
from steps import ROOT, VENV, VENV_PYTHON, StepFailed, complain, digest, is_done, mark_done, run, step

_LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-programs.txt")
# In an environment of its own: what it needs itself is no part of ours.
_AUDIT_VENV = VENV / "audit"
_PIP_AUDIT = _AUDIT_VENV / "bin" / "pip-audit"
_PATIENCE_S = 180
_OWN_LOCK = ROOT / "requirements-audit.txt"


def audit_python() -> list[str]:
    """What is known of the Python packages; one line each."""
    _install_pip_audit()
    found = []
    for name in _LOCKS:
        # Pinned and hashed: nothing is resolved or installed.
        command: list[str | Path] = [_PIP_AUDIT, "--require-hashes", "--disable-pip"]
        command += ["--format=json", "--progress-spinner=off", "-r", name]
        done = _ask(command, ROOT)
        try:
            packages = json.loads(done.stdout)["dependencies"]
        except ValueError:
            raise StepFailed(f"no answer about {name}: {_last_line(done.stderr)}") from None
        # A mirror may have the packages, and nothing of what is known about them.
        if all("skip_reason" in package for package in packages):
            raise StepFailed(f"the index knows none of the packages of {name}")
        found += [
            f"{name}: {package['name']} {package['version']}: {weakness['id']}, fixed in {_versions(weakness)}"
            for package in packages
            for weakness in package.get("vulns", [])
        ]
    return found


def audit_npm() -> list[str]:
    """The same of npm's packages that reach a browser."""
    node = find_or_install_node()
    command = [*node.npm, "audit", "--omit=dev", "--json"]
    done = _ask(command, ROOT / "frontend")
    try:
        answer = json.loads(done.stdout)
        packages = answer["vulnerabilities"]
    except (ValueError, KeyError):
        raise StepFailed(f"no answer about frontend/package-lock.json: {_last_line(done.stderr)}") from None
    return [f"frontend: {name} {entry['range']}: {entry['severity']}" for name, entry in sorted(packages.items())]


def main() -> int:
    """Ask both; gives the exit status."""
    found: list[str] = []
    for ask in (audit_python, audit_npm):
        try:
            found += ask()
        except StepFailed as error:
            complain(f"skipped, {error}")
    for line in found:
        complain(line)
    return 1 if found else 0


def _ask(command: Sequence[str | Path], folder: Path) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(  # noqa: S603 (our own lists of words, no shell)
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        raise StepFailed(f"no answer from {command[0]} within {_PATIENCE_S} s") from None


def _install_pip_audit() -> None:
    state = digest([_OWN_LOCK])
    if is_done("audit", state) and _PIP_AUDIT.exists():
        return
    with step("Installing pip-audit (requirements-audit.txt)"):
        shutil.rmtree(_AUDIT_VENV, ignore_errors=True)
        run([VENV_PYTHON, "-m", "venv", _AUDIT_VENV], "Python's venv module does not work here.")
        options: list[str | Path] = ["--quiet", "--no-input", "--disable-pip-version-check", "--require-hashes"]
        run(
            [_AUDIT_VENV / "bin" / "python", "-m", "pip", "install", *options, "-r", _OWN_LOCK], "Is the network there?"
        )
    mark_done("audit", state)


def _versions(weakness: dict[str, list[str]]) -> str:
    return ", ".join(weakness.get("fix_versions", [])) or "no release yet"


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StepFailed as error:
        complain(str(error))
        sys.exit(1)
