"""Files of a bounded folder that hold copies of objects, with a checksum for each block; any number of processes.

A file is the object's bytes, the CRC-32 of each block, and a foot: the object's length, the key's digest, and the
CRC-32 of sums and foot. It gets its name by a rename, whole; whatever does not add up is removed and fetched anew.
"""

import hashlib
import os
import struct
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import uuid4

from app.storage.port import CHUNK_BYTES, ObjectKey

BLOCK_BYTES = CHUNK_BYTES
_SUM = struct.Struct("<I")
_FOOT = struct.Struct("<Q16sI")
_INCOMING = ".incoming"
# How recently a file was used stands in its time of change, which is set anew only when it is older than this.
_TOUCHED_EVERY_S = 60.0
_KEPT_SHARE = 0.9
_MAX_SHARE_OF_ONE = 4
"""No object takes more than this part of the folder."""


class SpoiledEntry(Exception):
    """What lies in the folder is not what was put there."""


class BlockSums:
    """The checksums of bytes that come in pieces of any length."""

    def __init__(self) -> None:
        self._sums = bytearray()
        self._current = 0
        self.byte_size = 0

    def add(self, content: bytes) -> None:
        """Count the next bytes."""
        rest = memoryview(content)
        while rest:
            room = BLOCK_BYTES - self.byte_size % BLOCK_BYTES
            piece, rest = rest[:room], rest[room:]
            self._current = zlib.crc32(piece, self._current)
            self.byte_size += len(piece)
            if self.byte_size % BLOCK_BYTES == 0:
                self._end_block()

    def tail(self, key: ObjectKey) -> bytes:
        """What stands behind the bytes in a file of the folder."""
        if self.byte_size % BLOCK_BYTES:
            self._end_block()
        start = bytes(self._sums) + _FOOT.pack(self.byte_size, _digest(key), 0)[:-4]
        return start + _SUM.pack(zlib.crc32(start))

    def _end_block(self) -> None:
        self._sums += _SUM.pack(self._current)
        self._current = 0


class CachedObject:
    """An object's copy, open for reading; stays readable when its file is removed."""

    def __init__(self, file: BinaryIO, key: ObjectKey) -> None:
        """Raises `SpoiledEntry`."""
        self._file = file
        file_bytes = os.fstat(file.fileno()).st_size
        foot = os.pread(file.fileno(), _FOOT.size, max(0, file_bytes - _FOOT.size))
        if len(foot) != _FOOT.size:
            raise SpoiledEntry
        self.byte_size, digest, _ = _FOOT.unpack(foot)
        blocks = -(-self.byte_size // BLOCK_BYTES)
        if digest != _digest(key) or file_bytes != self.byte_size + blocks * _SUM.size + _FOOT.size:
            raise SpoiledEntry
        tail = os.pread(file.fileno(), blocks * _SUM.size + _FOOT.size, self.byte_size)
        if len(tail) < _FOOT.size or zlib.crc32(tail[:-4]) != _SUM.unpack(tail[-4:])[0]:
            raise SpoiledEntry
        self._sums = tail

    def read(self, offset: int, max_bytes: int) -> bytes:
        """Bytes from `offset` to the end of its block, at most `max_bytes`; checked.

        Raises:
            SpoiledEntry: they are not what was put there.
        """
        number = offset // BLOCK_BYTES
        start = number * BLOCK_BYTES
        block = os.pread(self._file.fileno(), min(BLOCK_BYTES, self.byte_size - start), start)
        (wanted,) = _SUM.unpack_from(self._sums, number * _SUM.size)
        if zlib.crc32(block) != wanted:
            raise SpoiledEntry
        return block if offset == start and len(block) <= max_bytes else block[offset - start :][:max_bytes]

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


class CacheFolder:
    """The folder; every method blocks, and may raise OSError."""

    def __init__(self, root: Path, *, max_bytes: int) -> None:
        self._root = root
        self._incoming = root / _INCOMING
        self._max_bytes = max_bytes

    @property
    def max_object_bytes(self) -> int:
        """Larger objects are not kept."""
        return self._max_bytes // _MAX_SHARE_OF_ONE

    def make_ready(self) -> None:
        """Make the folder, count what is in it, and remove what is too much or half written."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        with self._locked() as total:
            self._clear_incoming()
            self._make_room(total, 0)

    def open(self, key: ObjectKey) -> CachedObject | None:
        """The copy of an object, where there is one that can be trusted."""
        path = self._path(key)
        try:
            file = path.open("rb", buffering=0)
        except FileNotFoundError:
            return None
        try:
            found = CachedObject(file, key)
        except BaseException as error:
            file.close()
            if isinstance(error, SpoiledEntry):
                self.remove([key])
                return None
            raise
        if time.time() - os.fstat(file.fileno()).st_mtime > _TOUCHED_EVERY_S:
            with suppress(OSError):
                os.utime(file.fileno())
        return found

    def begin(self) -> tuple[Path, BinaryIO]:
        """A new file to write to, locked while it is open; `keep` gives it its name."""
        path = self._incoming / uuid4().hex
        file = path.open("x+b", buffering=0)
        flock(file, LOCK_EX | LOCK_NB)
        return path, file

    def keep(self, key: ObjectKey, incoming: Path) -> None:
        """Give a file that is written to its end its name, after making room for it."""
        file_bytes = incoming.stat().st_size
        target = self._path(key)
        with self._locked() as total:
            replaced = target.stat().st_size if target.exists() else 0
            if total.value + file_bytes - replaced > self._max_bytes:
                self._make_room(total, file_bytes)
                replaced = target.stat().st_size if target.exists() else 0
            target.parent.mkdir(exist_ok=True)
            incoming.replace(target)
            total.value += file_bytes - replaced

    def remove(self, keys: Iterable[ObjectKey]) -> None:
        """Remove the copies of these objects, those that there are."""
        paths = [path for path in map(self._path, keys) if path.exists()]
        if not paths:
            return
        with self._locked() as total:
            for path in paths:
                with suppress(FileNotFoundError):
                    file_bytes = path.stat().st_size
                    path.unlink()
                    total.value -= file_bytes

    def _path(self, key: ObjectKey) -> Path:
        name = _digest(key).hex()
        return self._root / name[:2] / name

    def _make_room(self, total: "_Total", wanted_bytes: int) -> None:
        # Counted anew, so that whatever a killed process left uncounted is set right.
        files = sorted(self._scan())
        present = sum(file.byte_size for file in files)
        limit = self._max_bytes - wanted_bytes
        if present > limit:
            limit = min(limit, int(self._max_bytes * _KEPT_SHARE))
        for file in files:
            if present <= limit:
                break
            with suppress(FileNotFoundError):
                file.path.unlink()
            present -= file.byte_size
        total.value = present

    def _scan(self) -> Iterator["_Aged"]:
        for folder in self._root.iterdir():
            if folder.name == _INCOMING or not folder.is_dir():
                continue
            with os.scandir(folder) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):
                        stat = entry.stat()
                        yield _Aged(stat.st_mtime, stat.st_size, Path(entry.path))

    def _clear_incoming(self) -> None:
        for path in self._incoming.iterdir():
            # Whoever writes it holds its lock, which the kernel takes from a process that is killed.
            with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
                flock(file, LOCK_EX | LOCK_NB)
                path.unlink()

    @contextmanager
    def _locked(self) -> Iterator["_Total"]:
        with (self._root / ".bytes").open("a+b", buffering=0) as file:
            flock(file, LOCK_EX)
            total = _Total(_read_number(file))
            yield total
            file.truncate(0)
            file.write(str(max(0, total.value)).encode())


class _Aged(NamedTuple):
    used_at: float
    byte_size: int
    path: Path


class _Total:
    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value


def _read_number(file: BinaryIO) -> int:
    text = os.pread(file.fileno(), 24, 0)
    # Where a process died between the two steps nothing is known: "full" makes the next one count.
    return int(text) if text.isdigit() else 1 << 62


def _digest(key: ObjectKey) -> bytes:
    return hashlib.blake2b(str(key).encode(), digest_size=16).digest()
