"""`trash/` of a directory store: orphans by the day on which they were moved there, deleted some days later."""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

from app.storage.files import sync_directory
from app.storage.port import TRASH, ObjectKey
from app.storage.reading import translated


class LocalTrash:
    """As the port says, by renaming."""

    def __init__(self, root: Path, path_of: Callable[[ObjectKey], Path], prune: Callable[[Path], None]) -> None:
        self._folder = root / TRASH
        self._path_of = path_of
        self._prune = prune

    async def add(self, keys: Iterable[ObjectKey], *, on: date) -> None:
        """Rename the files, and remove the directories that are empty then."""
        await asyncio.to_thread(self._add, list(keys), on)

    async def empty(self, *, before: date, limit: int) -> int:
        """Remove the files of those days."""
        return await asyncio.to_thread(self._empty, before, limit)

    def _add(self, keys: list[ObjectKey], on: date) -> None:
        with translated():
            for key in keys:
                path, target = self._path_of(key), self._folder / on.isoformat() / key.text
                target.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileNotFoundError):
                    path.replace(target)
                    sync_directory(target.parent)
                self._prune(path.parent)

    def _empty(self, before: date, limit: int) -> int:
        deleted = 0
        with translated():
            for day in self._days(before):
                for folder, _, names in os.walk(day, topdown=False):
                    for name in names[: limit - deleted]:
                        Path(folder, name).unlink(missing_ok=True)
                        deleted += 1
                    with suppress(OSError):  # something is left in it
                        Path(folder).rmdir()
        return deleted

    def _days(self, before: date) -> Iterator[Path]:
        with suppress(FileNotFoundError):
            for folder in sorted(self._folder.iterdir()):
                with suppress(ValueError):  # a folder of another program
                    if date.fromisoformat(folder.name) < before:
                        yield folder
