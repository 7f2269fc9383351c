"""Landlock: from here on this process sees two directories of the file system, and nothing else of it.

Constants and structures are those of <linux/landlock.h>; the C library has no functions for these calls.
"""

import ctypes
import os
from pathlib import Path

from app.rendering.child.syscalls import libc, raise_errno

# The numbers are the same on every architecture (new calls since Linux 5.1 share one table).
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE = 1 << 0, 1 << 1, 1 << 2
_REMOVE_FILE, _MAKE_REG = 1 << 5, 1 << 8
_TRUNCATE = 1 << 14

# Every access right that a version of the interface knows: each one that is named is denied unless a rule grants it.
_FILE_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET_BIND_AND_CONNECT_TCP = 0b11
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # what `_pack_` means; Python 3.14 wants it said
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def landlock_abi() -> int:
    """The version of Landlock that this kernel speaks; 0 where it has none or it is switched off."""
    if libc is None:
        return 0
    return max(0, int(libc.syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)))


def restrict_files(*, read_only: Path, read_write: Path) -> None:
    """Deny this thread, and all it starts, every file but those beneath the two directories. There is no way back.

    Needs `no_new_privs`. Directories cannot be made, nothing can be renamed from one to the other, nothing executed.

    Raises:
        OSError: the kernel refused.
    """
    abi = landlock_abi()
    file_rights = max(rights for version, rights in _FILE_RIGHTS_BY_ABI.items() if version <= abi)
    ruleset = _create_ruleset(abi, file_rights)
    try:
        _allow(ruleset, read_only, _READ_FILE)
        _allow(ruleset, read_write, (_READ_FILE | _WRITE_FILE | _MAKE_REG | _REMOVE_FILE | _TRUNCATE) & file_rights)
        raise_errno(libc.syscall(_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    finally:
        os.close(ruleset)


def _create_ruleset(abi: int, file_rights: int) -> int:
    attributes = _RulesetAttributes(
        file_rights,
        _NET_BIND_AND_CONNECT_TCP if abi >= 4 else 0,
        _SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS if abi >= 6 else 0,
    )
    # An older kernel takes the longer structure as long as what it does not know is zero.
    result = libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.sizeof(attributes), 0)
    return raise_errno(result, "landlock_create_ruleset")


def _allow(ruleset: int, directory: Path, rights: int) -> None:
    directory_fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        rule = _PathBeneath(rights, directory_fd)
        result = libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
        raise_errno(result, "landlock_add_rule")
    finally:
        os.close(directory_fd)
