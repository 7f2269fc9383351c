"""thumbor and ipx beside us: installed on first use into bench/build (which git ignores), and run on core 0."""

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.servers.ports import find_free_port

BUILD = Path(__file__).parent / "build"
THUMBOR, IPX = "7.8.0", "3.1.1"
_START_S = 20.0
_THUMBOR_CONF = """
LOADER = 'thumbor.loaders.file_loader'
FILE_LOADER_ROOT_PATH = {photos!r}
STORAGE = 'thumbor.storages.no_storage'
RESULT_STORAGE = {results}
RESULT_STORAGE_FILE_STORAGE_ROOT_PATH = {folder!r}
ALLOW_UNSAFE_URL = True
QUALITY = 80
"""


class NotHere(Exception):
    """The peer cannot be had on this machine; the text says why."""


@contextlib.contextmanager
def running_thumbor(photos: Path, folder: Path, *, keeps_results: bool) -> Iterator[tuple[str, int]]:
    """Its address and process; `keeps_results` gives it its cache on disk."""
    binary = BUILD / "thumbor" / "bin" / "thumbor"
    if not binary.exists():
        environment = BUILD / "thumbor"
        _install([sys.executable, "-m", "venv", str(environment)])
        _install([str(environment / "bin" / "pip"), "install", "-q", f"thumbor=={THUMBOR}"], undo=environment)
    results = "'thumbor.result_storages.file_storage'" if keeps_results else None
    configuration = folder / "thumbor.conf"
    configuration.write_text(_THUMBOR_CONF.format(photos=str(photos), results=results, folder=str(folder / "results")))
    port = find_free_port()
    command = [str(binary), "-i", "127.0.0.1", "-p", str(port), "-c", str(configuration), "-l", "ERROR"]
    with running(command, port) as pid:
        yield f"http://127.0.0.1:{port}", pid


def thumbor_path(photo: str, width_px: int) -> str:
    """A WebP of this width."""
    return f"/unsafe/{width_px}x0/filters:format(webp):quality(80)/{photo}"


@contextlib.contextmanager
def running_ipx(photos: Path) -> Iterator[tuple[str, int]]:
    """Its address and process; it keeps no results."""
    if shutil.which("npm") is None:
        raise NotHere("needs Node and npm")
    folder = BUILD / "ipx"
    binary = folder / "node_modules" / ".bin" / "ipx"
    if not binary.exists():
        _install(["npm", "install", "--silent", "--no-audit", "--prefix", str(folder), f"ipx@{IPX}"], undo=folder)
    port = find_free_port()
    command = [str(binary), "serve", "--dir", str(photos), "--port", str(port), "--host", "127.0.0.1"]
    with running(command, port) as pid:
        yield f"http://127.0.0.1:{port}", pid


def ipx_path(photo: str, width_px: int) -> str:
    """A WebP of this width."""
    return f"/f_webp,w_{width_px},q_80/{photo}"


def _install(command: Sequence[str], *, undo: Path | None = None) -> None:
    BUILD.mkdir(exist_ok=True)
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        if undo is not None:
            shutil.rmtree(undo, ignore_errors=True)
        raise NotHere(f"{Path(command[0]).name} could not install it ({type(error).__name__})") from error


@contextlib.contextmanager
def running(command: Sequence[str], port: int) -> Iterator[int]:
    """A server on core 0, once it listens; its process.

    Raises:
        NotHere: it does not start.
    """
    process = subprocess.Popen(["taskset", "-c", "0", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _START_S
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotHere(f"{Path(command[0]).name} does not start")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
