"""Modes of a directory store: folders 0750, files 0640, so that a web server of the same group reads them."""

import grp
import os
import stat
from contextlib import suppress
from pathlib import Path

FILE_MODE = 0o640
_FOLDER_MODE = 0o750


def find_group(name: str) -> int:
    """The id of a group that is named by its name or number, if this process may give files to it.

    Raises:
        ValueError: there is no such group, or this user is not in it.
    """
    try:
        group_id = int(name) if name.isascii() and name.isdigit() else grp.getgrnam(name).gr_gid
    except KeyError:
        raise ValueError(f"there is no group {name!r}; create it, or name another one") from None
    if os.geteuid() != 0 and group_id not in {os.getegid(), *os.getgroups()}:
        raise ValueError(f"this user is not in the group {name!r}; add it (usermod -aG), or name another group")
    return group_id


def make_folder(path: Path) -> None:
    """Make a folder that the group may read, whatever the umask is.

    Raises:
        FileExistsError, FileNotFoundError: as `Path.mkdir`.
    """
    path.mkdir(mode=_FOLDER_MODE)
    _set_mode(path, _FOLDER_MODE)


def open_to_group(root: Path, group_id: int | None) -> None:
    """Give a store's root its mode and group; files and folders inherit the group from their folder (setgid).

    What an earlier release left there is changed once, when the root's own mode or group is another one. The root is
    closed to others first and gets its group last, so that a walk that was interrupted is repeated.
    """
    found = root.stat()
    is_closed = not found.st_mode & stat.S_IRWXO
    is_groups = group_id is None or (found.st_gid == group_id and bool(found.st_mode & stat.S_ISGID))
    if is_closed and is_groups and found.st_mode & stat.S_IRGRP:
        return
    with suppress(PermissionError):  # a folder of another user, which has chosen its mode
        root.chmod(stat.S_IMODE(found.st_mode) & ~stat.S_IRWXO)
        for folder, subfolders, names in os.walk(root):
            for name in subfolders:
                _change(Path(folder, name), _FOLDER_MODE, group_id)
            for name in names:
                _change(Path(folder, name), FILE_MODE, group_id)
        _change(root, _FOLDER_MODE, group_id)


def _change(path: Path, mode: int, group_id: int | None) -> None:
    with suppress(FileNotFoundError):
        if path.is_symlink():
            return
        if group_id is not None:
            os.chown(path, -1, group_id)
            if mode == _FOLDER_MODE:
                path.chmod(mode | stat.S_ISGID)
                return
        _set_mode(path, mode)


def _set_mode(path: Path, mode: int) -> None:
    # A folder's setgid bit is inherited, and chmod would take it away.
    is_setgid = path.stat().st_mode & stat.S_ISGID if mode == _FOLDER_MODE else 0
    path.chmod(mode | is_setgid)
