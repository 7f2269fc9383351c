"""The machine's own packages: by apt-get or brew where we may, else one line saying what to type."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence

from steps import StepFailed, run, step

_QUIET = {"DEBIAN_FRONTEND": "noninteractive"}


def install_packages(names: Sequence[str], what: str) -> None:
    """Install them, or raise `StepFailed` with the very command that a person has to type."""
    if shutil.which("apt-get"):
        command = ["apt-get", "install", "-y", "--no-install-recommends", *names]
        prefix = root_prefix()
        if prefix is None:
            raise StepFailed(f"{what} is missing. Type: sudo {shlex.join(command)}   and then the same command again.")
        with step(f"Installing {what} (apt-get install {' '.join(names)})"):
            run([*prefix, *command], "See above; `apt-get update` may help.", extra=_QUIET)
        return
    if shutil.which("brew"):
        with step(f"Installing {what} (brew install {' '.join(names)})"):
            run(["brew", "install", *names], "See above.")
        return
    raise StepFailed(f"{what} is missing; install it with this machine's package manager, then the same command again.")


def refresh_package_lists() -> None:
    """Read apt's lists anew where we may: a fresh container has none."""
    prefix = root_prefix()
    if shutil.which("apt-get") and prefix is not None:
        with step("Reading the package lists (apt-get update)"):
            run([*prefix, "apt-get", "update", "-q"], "Is the network there?", extra=_QUIET)


def known_packages(pattern: str) -> list[str]:
    """Names of packages that apt knows, by a regular expression over the whole name; sorted."""
    if not shutil.which("apt-cache"):
        return []
    found = subprocess.run(  # noqa: S603 (our own pattern, no shell)
        ["apt-cache", "search", "--names-only", f"^{pattern}$"],  # noqa: S607 (wherever this machine has it)
        capture_output=True,
        text=True,
        check=False,
    )
    return sorted(line.split()[0] for line in found.stdout.splitlines() if line.strip())


def root_prefix() -> list[str] | None:
    """The words that make a command run as root without a question; None where there are none."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)  # noqa: S607 (wherever sudo is)
    return ["sudo", "-n"] if asked.returncode == 0 else None
