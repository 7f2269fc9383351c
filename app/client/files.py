"""Files on this machine: which are meant, what is known of them, and their bytes in bounded parts."""

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.client.problems import ClientCode, Problem

CHUNK_BYTES = 256 * 1024
# What a folder is searched for; files that are named one by one are sent whatever their name.
_EXTENSIONS = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".gif", ".webp", ".avif", ".heic", ".heif"})


class Sendable(Protocol):
    """Bytes that can be sent, and sent once more."""

    @property
    def byte_size(self) -> int:
        """How many there are."""

    def read(self, on_read: Callable[[int], None]) -> AsyncIterator[bytes]:
        """All of them in bounded parts; `on_read` hears how many have gone."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A file as it was when it was read first."""

    path: Path
    byte_size: int
    sha256: str
    identity: tuple[int, ...]
    """Device, inode, size and time of the last change: whether it is still the same."""

    def read(self, on_read: Callable[[int], None]) -> AsyncIterator[bytes]:
        """As `read_chunks`."""
        return read_chunks(self, on_read)


def list_files(paths: Sequence[Path]) -> Iterator[Path | tuple[Path, Problem]]:
    """Each file once, in the order given, folders replaced by the pictures inside; what is neither is a problem."""
    seen: set[Path] = set()
    for path in paths:
        for found in _expand(path):
            name = found if isinstance(found, Path) else found[0]
            if name.absolute() not in seen:
                seen.add(name.absolute())
                yield found


def _expand(path: Path) -> Iterator[Path | tuple[Path, Problem]]:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        yield path, Problem(ClientCode.FILE_NOT_FOUND, "There is no such file.")
    except OSError as error:
        yield path, _not_readable(error)
    else:
        if stat.S_ISDIR(mode):
            yield from _search(path)
        elif stat.S_ISREG(mode):
            yield path
        else:
            yield path, Problem(ClientCode.FILE_NOT_READABLE, "It is neither a file nor a folder.")


def _search(folder: Path) -> Iterator[Path | tuple[Path, Problem]]:
    is_empty = True
    for parent, folders, names in os.walk(folder):
        # In place: os.walk goes only where this list leads. Hidden folders are thumbnails and rubbish bins.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if path.suffix.lower() in _EXTENSIONS and not name.startswith(".") and path.is_file():
                is_empty = False
                yield path
    if is_empty:
        yield folder, Problem(ClientCode.NO_PICTURES, "There are no pictures in this folder.")


def examine(path: Path) -> Picture:
    """Read a file once, for its SHA-256: the server refuses other bytes, so what arrives is what lies here. Blocks.

    Raises:
        Problem: FILE_NOT_FOUND, FILE_NOT_READABLE, FILE_EMPTY.
    """
    try:
        with path.open("rb") as file:
            identity = _identity_of(file.fileno())
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            byte_size = file.tell()
    except FileNotFoundError as error:
        raise Problem(ClientCode.FILE_NOT_FOUND, "There is no such file.") from error
    except OSError as error:
        raise _not_readable(error) from error
    if byte_size == 0:
        raise Problem(ClientCode.FILE_EMPTY, "The file is empty.")
    return Picture(path, byte_size, sha256, identity)


async def read_chunks(picture: Picture, on_read: Callable[[int], None]) -> AsyncIterator[bytes]:
    """The file's bytes, never more than `CHUNK_BYTES` in memory; `on_read` hears how many have gone.

    Raises:
        Problem: FILE_CHANGED, always before the last bytes go, so that no half-changed file is ever complete.
    """
    left_bytes = picture.byte_size
    try:
        with picture.path.open("rb") as file:
            while left_bytes:
                chunk = await asyncio.to_thread(file.read, min(CHUNK_BYTES, left_bytes))
                left_bytes -= len(chunk)
                if not chunk or (not left_bytes and _identity_of(file.fileno()) != picture.identity):
                    raise Problem(ClientCode.FILE_CHANGED, "The file changed while it was being sent. Send it again.")
                yield chunk
                on_read(picture.byte_size - left_bytes)
    except OSError as error:
        raise _not_readable(error) from error


def _identity_of(descriptor: int) -> tuple[int, ...]:
    facts = os.fstat(descriptor)
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def _not_readable(error: OSError) -> Problem:
    return Problem(ClientCode.FILE_NOT_READABLE, f"The file cannot be read: {error.strerror or 'unknown reason'}.")
