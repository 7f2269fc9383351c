"""What an import has done so far: a file of JSON lines, each on the disk before the next step is taken."""

import asyncio
import fcntl
import io
import json
import os
import stat
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

from app.client.moving.codes import MovingCode
from app.client.problems import Problem

FORMAT = "safelight-import/1"

# Lines are JSON of our own making: Any throughout this module.


@dataclass(frozen=True, slots=True)
class Move:
    """Which account goes where; a journal is of one move alone."""

    system: str
    old: str
    """The old system's root, and which account it is where the root does not tell."""
    new: str
    """Where the new system was when the journal was begun."""
    account: str
    """The new system's account hash."""


@dataclass(frozen=True, slots=True)
class Moved:
    """An image that is through. Addresses go in pairs."""

    old_id: str
    new_id: str
    old_urls: tuple[str, ...]
    new_urls: tuple[str, ...]
    uploaded_at: str | None
    byte_size: int
    sha256: str
    left_out: tuple[str, ...] = ()
    """What the new system would not take, by name and reason."""


@dataclass(slots=True)
class Journal:
    """A journal that is open; nobody else writes to it. Everything it says can be trusted after `kill -9`."""

    path: Path
    file: BinaryIO
    moved: dict[str, str] = field(default_factory=dict)
    """Old id to new id."""
    opened: dict[str, str] = field(default_factory=dict)
    """Old id to the last session that was opened for it."""
    holders: dict[str, str] = field(default_factory=dict)
    """New id to the old id whose image it is, or is going to be."""
    _writer: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))
    """One thread: lines are whole, in their order, and none is on its way when the file is closed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.shutdown()
        self.file.close()

    async def note_opened(self, old_id: str, session_id: str, image_id: str) -> None:
        """Before the bytes go: whoever comes after us can ask what became of them."""
        await self._note({"event": "opened", "oldId": old_id, "session": session_id, "newId": image_id})

    async def note_moved(self, moved: Moved) -> None:
        """The image is there, with everything."""
        await self._note({"event": "moved", **{_camel(name): value for name, value in asdict(moved).items()}})

    async def note_failed(self, old_id: str, problem: Problem) -> None:
        """It was given up; the next run tries it again."""
        await self._note({"event": "failed", "oldId": old_id, "code": problem.code, "message": problem.message})

    async def _note(self, line: Mapping[str, Any]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writer, _append, self.file, line, self.path)
        self.take(line)

    def take(self, line: Mapping[str, Any]) -> None:
        """Know what a line says."""
        if line["event"] == "opened":
            self.opened[line["oldId"]] = line["session"]
            self.holders.setdefault(line["newId"], line["oldId"])
        if line["event"] == "moved":
            self.opened.pop(line["oldId"], None)
            self.moved[line["oldId"]] = line["newId"]
            self.holders[line["newId"]] = line["oldId"]


def open_journal(path: Path, move: Move) -> Journal:
    """The journal of this move, begun where there is none. What a dying process wrote by half is cut off.

    Raises:
        Problem: JOURNAL_NOT_USABLE: it cannot be written, is somebody else's, or another run has it.
    """
    try:
        return _loaded(path, _opened(path), move)
    except BlockingIOError as error:
        raise _not_usable(path, "is being written by another import") from error
    except OSError as error:
        raise _not_usable(path, f"cannot be written: {error.strerror}") from error


def read_journal(path: Path, move: Move) -> Journal:
    """The same for somebody who only looks; an empty one where there is none.

    Raises:
        Problem: JOURNAL_NOT_USABLE.
    """
    try:
        return _loaded(path, path.open("rb") if path.exists() else io.BytesIO(), move)
    except OSError as error:
        raise _not_usable(path, f"cannot be read: {error.strerror}") from error


def _opened(path: Path) -> BinaryIO:
    file = path.open("a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file


def _loaded(path: Path, file: BinaryIO, move: Move) -> Journal:
    journal = Journal(path, file)
    try:
        _load(journal, move)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        file.close()
        raise _not_usable(path, "is no journal of an import") from error
    except (OSError, Problem):
        file.close()
        raise
    return journal


def _load(journal: Journal, move: Move) -> None:
    if not journal.file.seekable() or not _is_plain(journal.file):
        # A device may be read for ever.
        raise _not_usable(journal.path, "is no file")
    header = {"event": "begin", "format": FORMAT, **asdict(move)}
    end = 0
    journal.file.seek(0)
    for line in journal.file:
        if not line.endswith(b"\n"):
            break
        read = json.loads(line)
        if end == 0:
            _check_header(journal.path, read, header)
        journal.take(read)
        end += len(line)
    if not journal.file.writable() or isinstance(journal.file, io.BytesIO):
        return
    if journal.file.seek(0, os.SEEK_END) > end:
        journal.file.truncate(end)
    if end == 0:
        _append(journal.file, header, journal.path)
        _sync_folder(journal.path)


def _check_header(path: Path, read: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    if read.get("format") != FORMAT:
        raise ValueError(read)
    # One account may be reached at several addresses: it is the same by its hash.
    if {**read, "new": None} != {**wanted, "new": None}:
        raise _not_usable(path, f"is that of another move, from {read['old']} to {read['new']}")


def _is_plain(file: BinaryIO) -> bool:
    return isinstance(file, io.BytesIO) or stat.S_ISREG(os.fstat(file.fileno()).st_mode)


def _sync_folder(path: Path) -> None:
    # A new file is there after a power cut only if its folder is.
    folder = os.open(path.absolute().parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _append(file: BinaryIO, line: Mapping[str, Any], path: Path) -> None:
    try:
        file.write(json.dumps(line).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    except OSError as error:
        raise _not_usable(path, f"takes no more: {error.strerror}") from error


def _not_usable(path: Path, what: str) -> Problem:
    return Problem(MovingCode.JOURNAL_NOT_USABLE, f"{path} {what}. --journal names another.")


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
