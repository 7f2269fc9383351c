"""Close the data folder to other users: files 0600, folders 0700; objects/ is readable for a group (app/storage)."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from app.settings import Settings
from app.storage.object_modes import find_group

PRIVATE_UMASK = 0o077
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_WALKED = ("logs", "tmp", "redis")


@contextlib.contextmanager
def private_files() -> Iterator[None]:
    """Create files and folders for this user only, in this process and those that it starts."""
    previous = os.umask(PRIVATE_UMASK)
    try:
        yield
    finally:
        os.umask(previous)


def close_to_others(settings: Settings) -> None:
    """Tighten what an earlier release left readable to other users; what another user owns stays as it is.

    The data folder's own mode stays. With SAFELIGHT_OBJECTS_GROUP its group may pass through a closed one.
    """
    data_dir = settings.data_dir.absolute()
    objects = data_dir / "objects"
    with contextlib.suppress(FileNotFoundError):
        for path in data_dir.iterdir():
            if path != objects:
                _close(path)
    for name in _WALKED:
        for folder, subfolders, names in os.walk(data_dir / name):
            for entry in (*subfolders, *names):
                _close(Path(folder, entry))
    if settings.sqlite_path is not None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            _close(settings.sqlite_path.with_name(settings.sqlite_path.name + suffix))
    if settings.objects_group is not None and settings.store_url is None:
        _let_pass(data_dir, find_group(settings.objects_group))


def _close(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):
        found = path.lstat()
        # A link's target may be anywhere, and a file with several links may be an object as well.
        is_file = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
        if (is_file or stat.S_ISDIR(found.st_mode)) and found.st_mode & _OTHERS:
            path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)


def _let_pass(data_dir: Path, group_id: int) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):
        mode = data_dir.stat().st_mode
        if not mode & stat.S_IXOTH:
            os.chown(data_dir, -1, group_id)
            data_dir.chmod(stat.S_IMODE(mode) | stat.S_IXGRP)
