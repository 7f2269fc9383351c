"""The C library's door to system calls it has no functions for, and the numbers of those a decoder needs."""

import ctypes
import os
import platform
import sys
from typing import Any

# `Any`: ctypes' functions are made at run time. Only Linux has the calls that this folder makes.
libc: Any = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
if libc is not None:
    libc.syscall.restype = ctypes.c_long

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38

AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""How the kernel names the calling convention in what it shows to a seccomp filter (<linux/audit.h>)."""

# What CPython, glibc's threads and ImageMagick's codecs call once everything is loaded; name → (x86_64, aarch64),
# None where the architecture has no such call. Not here, so denied: sockets, exec, fork, ptrace, mount, io_uring, keys,
# bpf, chmod, links, renames, other processes' memory and signals.
_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    # files, all beneath Landlock's rules
    "read": (0, 63),
    "write": (1, 64),
    "open": (2, None),
    "close": (3, 57),
    "stat": (4, None),
    "fstat": (5, 80),
    "lstat": (6, None),
    "poll": (7, None),
    "ppoll": (271, 73),
    "lseek": (8, 62),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "readv": (19, 65),
    "writev": (20, 66),
    "access": (21, None),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "fcntl": (72, 25),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "ftruncate": (77, 46),
    "getcwd": (79, 17),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "fadvise64": (221, 223),
    "fallocate": (285, 47),
    "openat": (257, 56),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "getdents64": (217, 61),
    # memory
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "mremap": (25, 216),
    "madvise": (28, 233),
    # threads and time
    "sched_yield": (24, 124),
    "nanosleep": (35, 101),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "set_tid_address": (218, 96),
    "set_robust_list": (273, 99),
    "get_robust_list": (274, 100),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "times": (100, 153),
    "rseq": (334, 293),
    "membarrier": (324, 283),
    "getcpu": (309, 168),
    # itself
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getrusage": (98, 165),
    "getrlimit": (97, 163),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    "getrandom": (318, 278),
    "restart_syscall": (219, 128),
    "exit": (60, 93),
    "exit_group": (231, 94),
}

# Decided by their arguments.
_ARGUMENTS_MATTER = {"fcntl", "mmap", "mprotect"}
_CONDITIONAL: dict[str, tuple[int, int]] = {"clone": (56, 220), "clone3": (435, 435), "tgkill": (234, 131)}


def architecture() -> str | None:
    """The machine's name where the numbers are known for it, else None."""
    machine = platform.machine()
    return machine if machine in AUDIT_ARCHITECTURES and sys.maxsize > 2**32 else None


def allowed_numbers(machine: str) -> list[int]:
    """Every call that needs no look at its arguments."""
    column = list(AUDIT_ARCHITECTURES).index(machine)
    numbers = (row[column] for name, row in _ALLOWED.items() if name not in _ARGUMENTS_MATTER)
    return [number for number in numbers if number is not None]


def number_of(name: str, machine: str) -> int:
    """The number of one call that every architecture has."""
    column = list(AUDIT_ARCHITECTURES).index(machine)
    number = (_CONDITIONAL.get(name) or _ALLOWED[name])[column]
    assert number is not None
    return number


def raise_errno(result: int, what: str) -> int:
    """Pass a call's result on.

    Raises:
        OSError: the call failed.
    """
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int) -> None:
    """Set one attribute of this process.

    Raises:
        OSError: the kernel refused.
    """
    raise_errno(libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), "prctl")
