"""ObjectStore on a directory: one file per object, fanned out over two levels of directories."""

import asyncio
import errno
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote
from uuid import uuid4

from app.ids import ImageId
from app.storage.files import copy_file, is_locked, open_locked, raise_unless_gone, sync_directory
from app.storage.local_trash import LocalTrash
from app.storage.object_modes import FILE_MODE, make_folder, open_to_group
from app.storage.port import (
    CHUNK_BYTES,
    MARKER_NAME,
    MAX_MARKER_BYTES,
    TRASH,
    Handed,
    ObjectKey,
    ObjectNotFound,
    ObjectStat,
    StoreUnavailable,
)
from app.storage.reading import read_on, translated

_INCOMING = ".incoming"
# A directory may be pruned between being made and being used; that often in a row it is another fault.
_MOVE_TRIES = 10
_LIST_BATCH = 1000


class LocalStore:
    """Objects as files under `root`; what is being written lies in `root/.incoming`, in the same file system."""

    def __init__(self, root: Path, *, group_id: int | None = None) -> None:
        self._group_id = group_id
        self._root = root.absolute()
        self._incoming = self._root / _INCOMING
        self.trash = LocalTrash(self._root, self._path, self._prune)

    async def make_ready(self) -> None:
        """Make the directories, and clear away what killed processes left half written."""
        await asyncio.to_thread(self._make_ready)

    async def check(self) -> None:
        """Write a file and remove it: shows a full or read-only disk, and one that is not mounted."""
        await asyncio.to_thread(self._check)

    async def read_marker(self) -> bytes | None:
        """A file beside the images' directories."""
        return await asyncio.to_thread(self._read_marker)

    async def write_marker(self, content: bytes) -> None:
        """As an object: written aside, and renamed."""
        await asyncio.to_thread(self._write_marker, content)

    async def put(self, key: ObjectKey, source: Path, *, media_type: str) -> None:
        """Copy to `.incoming`, sync, rename, sync the directory."""
        await asyncio.to_thread(self._put, key, source)

    @asynccontextmanager
    async def open(
        self, key: ObjectKey, byte_range: tuple[int, int] | None = None, *, sha256: str | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """As the port says; the first chunk is read on entering, so a small object costs one change of thread."""
        file, chunk, offset, end = await asyncio.to_thread(self._open, key, byte_range)
        with file:
            yield read_on(file.fileno(), chunk, offset, end)

    async def read(self, key: ObjectKey, *, max_bytes: int, sha256: str | None = None) -> bytes:
        """A small object as a whole."""
        return await asyncio.to_thread(self._read, key, max_bytes)

    async def fetch(self, key: ObjectKey, target: Path) -> None:
        """A hard link where the file system is the same, else a copy."""
        await asyncio.to_thread(self._fetch, key, target)

    async def stat(self, key: ObjectKey) -> ObjectStat | None:
        """Size and age of an object, or None where there is none."""
        with suppress(ObjectNotFound):
            return await asyncio.to_thread(self._stat, key)
        return None

    async def delete(self, keys: Iterable[ObjectKey]) -> None:
        """Remove the files, and the directories that are empty then."""
        await asyncio.to_thread(self._delete, list(keys))

    async def list_objects(
        self, image_id: ImageId | None = None, *, older_than: datetime | None = None
    ) -> AsyncIterator[ObjectStat]:
        """As the port says; one over all images also clears `.incoming`."""
        if image_id is None:
            await asyncio.to_thread(self._clear_incoming)
        found = self._find(self._root if image_id is None else self._image_directory(image_id))
        while batch := await asyncio.to_thread(_take, found):
            for stat in batch:
                if older_than is None or stat.modified_at < older_than:
                    yield stat

    def url(self, key: ObjectKey) -> str:
        """`file:///…`."""
        return self._path(key).as_uri()

    def local_path(self, key: ObjectKey) -> Path:
        """The object's file, there or not."""
        return self._path(key)

    def nginx_path(self, key: ObjectKey) -> str:
        """`/_objects/files/` and the path below `root`."""
        return f"/_objects/files/{quote(self._path(key).relative_to(self._root).as_posix())}"

    def public_link(self, key: ObjectKey, handed: Handed) -> None:
        """None: nobody can ask a directory."""

    async def close(self) -> None:
        """Nothing is held."""

    def _path(self, key: ObjectKey) -> Path:
        return self._image_directory(key.image_id).joinpath(*key.text.split("/")[1:])

    def _image_directory(self, image_id: ImageId) -> Path:
        # The last digits, as they are random: ids begin with the time, which would fill one directory after another.
        return self._root / image_id.hex[-2:] / image_id.hex[-4:-2] / str(image_id)

    def _make_ready(self) -> None:
        with translated():
            self._incoming.mkdir(parents=True, exist_ok=True)
            open_to_group(self._root, self._group_id)
        self._clear_incoming()

    def _clear_incoming(self) -> None:
        with translated(), os.scandir(self._incoming) as entries:
            for entry in entries:
                with suppress(FileNotFoundError), Path(entry).open("rb") as file:
                    # Whoever writes it holds its lock, which the kernel takes from a process that is killed.
                    if is_locked(file):
                        continue
                    Path(entry).unlink()

    def _check(self) -> None:
        with translated(), self._temporary() as probe:
            probe.write_bytes(b"x")
            if probe.read_bytes() != b"x":
                raise StoreUnavailable("The disk does not give back what is written to it.")

    def _read_marker(self) -> bytes | None:
        with translated():
            self._incoming.stat()  # a disk that is not mounted has no marker either
            try:
                with (self._root / MARKER_NAME).open("rb") as file:
                    return file.read(MAX_MARKER_BYTES)
            except FileNotFoundError:
                return None

    def _write_marker(self, content: bytes) -> None:
        with translated(), self._temporary() as temporary:
            with open_locked(temporary) as copy:
                os.fchmod(copy.fileno(), FILE_MODE)
                copy.write(content)
                copy.flush()
                os.fsync(copy.fileno())
                temporary.replace(self._root / MARKER_NAME)
            sync_directory(self._root)

    def _put(self, key: ObjectKey, source: Path) -> None:
        path = self._path(key)
        with source.open("rb") as original, translated(), self._temporary() as temporary:
            with open_locked(temporary) as copy:
                shutil.copyfileobj(original, copy, CHUNK_BYTES)
                os.fchmod(copy.fileno(), FILE_MODE)
                copy.flush()
                os.fsync(copy.fileno())
                self._move(temporary, path)
            sync_directory(path.parent)

    def _move(self, temporary: Path, path: Path) -> None:
        for _ in range(_MOVE_TRIES):
            self._make_directories(path.parent)
            with suppress(FileNotFoundError):
                temporary.replace(path)
                return
        raise FileNotFoundError(errno.ENOENT, "directories vanish as fast as they are made", str(path.parent))

    def _make_directories(self, directory: Path) -> None:
        # Never the root: where it is gone, the disk is not mounted, and objects would land beneath its mount point.
        missing = list(itertools.takewhile(lambda parent: not parent.exists(), [directory, *directory.parents]))
        for parent in reversed([parent for parent in missing if self._root in parent.parents]):
            with suppress(FileExistsError, FileNotFoundError):
                make_folder(parent)
                sync_directory(parent.parent)

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        path = self._incoming / uuid4().hex
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _open(self, key: ObjectKey, byte_range: tuple[int, int] | None) -> tuple[BinaryIO, bytes, int, int]:
        with self._reading(key):
            # Unbuffered: chunks are large, and a buffer would be a second copy.
            file = self._path(key).open("rb", buffering=0)
            try:
                byte_size = os.fstat(file.fileno()).st_size
                first, last = byte_range or (0, byte_size - 1)
                if byte_range and first >= byte_size:
                    raise ObjectNotFound(key)
                end = min(last, byte_size - 1) + 1
                chunk = os.pread(file.fileno(), min(CHUNK_BYTES, end - first), first)
            except BaseException:
                file.close()
                raise
        return file, chunk, first + len(chunk), end

    def _read(self, key: ObjectKey, max_bytes: int) -> bytes:
        with self._reading(key), self._path(key).open("rb") as file:
            content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise ValueError(f"the object has more than {max_bytes} bytes")
        return content

    def _fetch(self, key: ObjectKey, target: Path) -> None:
        path = self._path(key)
        with self._reading(key):
            try:
                target.hardlink_to(path)
            except OSError as error:
                # Another file system, one without links, or as many links as it takes.
                if error.errno not in {errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK}:
                    raise
                copy_file(path, target)

    def _stat(self, key: ObjectKey) -> ObjectStat:
        with self._reading(key):
            return _make_stat(key, self._path(key).stat())

    def _delete(self, keys: list[ObjectKey]) -> None:
        with translated():
            for key in keys:
                path = self._path(key)
                path.unlink(missing_ok=True)
                self._prune(path.parent)

    def _prune(self, directory: Path) -> None:
        for parent in [directory, *directory.parents]:
            if parent == self._root:
                return
            try:
                parent.rmdir()
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                    raise
                return

    def _find(self, directory: Path) -> Iterator[ObjectStat]:
        with translated():
            # An image without objects is no fault; a disk that is not mounted is, and would look the same.
            self._incoming.stat()
            for folder, subfolders, names in os.walk(directory, onerror=raise_unless_gone):
                if Path(folder) == self._root:
                    subfolders[:] = [name for name in subfolders if name not in {_INCOMING, TRASH}]
                for name in names:
                    path = Path(folder, name)
                    # Foreign files, and objects that are deleted meanwhile, are passed over.
                    with suppress(ValueError, FileNotFoundError):
                        key = ObjectKey.parse("/".join(path.relative_to(self._root).parts[2:]))
                        yield _make_stat(key, path.stat())

    @contextmanager
    def _reading(self, key: ObjectKey) -> Iterator[None]:
        try:
            with translated():
                yield
        except StoreUnavailable as error:
            # Nothing is where it was if the directory itself is gone, but then the objects may well come back.
            if isinstance(error.__cause__, FileNotFoundError) and self._incoming.is_dir():
                raise ObjectNotFound(key) from error.__cause__
            raise


def _make_stat(key: ObjectKey, stat: os.stat_result) -> ObjectStat:
    return ObjectStat(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))


def _take(found: Iterator[ObjectStat]) -> list[ObjectStat]:
    return list(itertools.islice(found, _LIST_BATCH))
