"""seccomp: from here on this process makes only the system calls that decoding and encoding need.

The filter is classic BPF written out here (<linux/seccomp.h>, <linux/filter.h>): an allow-list, where all
that is not named fails with EPERM, so that libraries take their way of "not permitted" and nothing hangs.
"""

import ctypes
import errno
import os
import struct
from dataclasses import dataclass

from app.rendering.child.syscalls import (
    AUDIT_ARCHITECTURES,
    PR_SET_SECCOMP,
    allowed_numbers,
    architecture,
    libc,
    number_of,
    raise_errno,
)

_LOAD_WORD, _JUMP_IF_EQUAL, _JUMP_IF_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_MODE_FILTER = 2

# Offsets in struct seccomp_data. Both architectures are little-endian: an argument's low half comes first.
_NUMBER, _ARCHITECTURE, _ARGUMENT_0, _ARGUMENT_1, _ARGUMENT_2 = 0, 4, 16, 24, 32

_CLONE_THREAD = 0x00010000
_PROT_EXEC = 0x4
# <linux/fcntl.h>; the same on both architectures. Not here, so denied: F_SETOWN, F_SETSIG and O_ASYNC, with which the
# kernel would signal any process of this user; leases, locks, notifications and the sizes of pipes.
_FCNTL_COMMANDS = {"F_DUPFD": 0, "F_GETFD": 1, "F_SETFD": 2, "F_GETFL": 3, "F_DUPFD_CLOEXEC": 1030}
_F_SETFL, _O_ASYNC = 4, 0x2000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


@dataclass(frozen=True, slots=True)
class Instruction:
    """One step of a BPF program; `if_true` and `if_false` say how many steps to skip."""

    code: int
    operand: int
    if_true: int = 0
    if_false: int = 0

    def packed(self) -> bytes:
        """As the kernel reads it (struct sock_filter)."""
        return struct.pack("=HBBI", self.code, self.if_true, self.if_false, self.operand)


def has_seccomp() -> bool:
    """Can this kernel filter this machine's system calls, and do we know its numbers?"""
    if libc is None or architecture() is None:
        return False
    # A filter without a program: EFAULT says that filters are known, EINVAL that they are not.
    result = libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), None, 0, 0)
    return bool(result == -1 and ctypes.get_errno() == errno.EFAULT)


def build_filter(machine: str, *, own_pid: int) -> list[Instruction]:
    """The program for a single-threaded process with this id, on `x86_64` or `aarch64`."""
    steps = [
        Instruction(_LOAD_WORD, _ARCHITECTURE),
        # Another calling convention has other numbers, so it must not be judged by these.
        Instruction(_JUMP_IF_EQUAL, AUDIT_ARCHITECTURES[machine], if_true=1),
        Instruction(_RETURN, _KILL_PROCESS),
        Instruction(_LOAD_WORD, _NUMBER),
    ]
    for number in sorted(allowed_numbers(machine)):
        steps += [Instruction(_JUMP_IF_EQUAL, number, if_false=1), Instruction(_RETURN, _ALLOW)]
    # glibc falls back to `clone`, whose flags can be seen; those of `clone3` lie in memory.
    steps += [Instruction(_JUMP_IF_EQUAL, number_of("clone3", machine), if_false=1), _refuse(errno.ENOSYS)]
    steps += _unless_set(number_of("clone", machine), _ARGUMENT_0, _CLONE_THREAD, is_wanted=True)
    # Everything is loaded by now: whatever would become code comes from the picture.
    steps += _unless_set(number_of("mmap", machine), _ARGUMENT_2, _PROT_EXEC, is_wanted=False)
    steps += _unless_set(number_of("mprotect", machine), _ARGUMENT_2, _PROT_EXEC, is_wanted=False)
    steps += _allow_fcntl(number_of("fcntl", machine))
    # abort() signals its own process, and may: nobody else's.
    steps += [
        Instruction(_JUMP_IF_EQUAL, number_of("tgkill", machine), if_false=3),
        Instruction(_LOAD_WORD, _ARGUMENT_0),
        Instruction(_JUMP_IF_EQUAL, own_pid, if_false=1),
        Instruction(_RETURN, _ALLOW),
    ]
    return [*steps, _refuse(errno.EPERM)]


def restrict_system_calls() -> None:
    """Install the filter on this thread and all it will start. There is no way back; needs `no_new_privs`.

    Raises:
        OSError: the kernel refused.
    """
    machine = architecture()
    assert machine is not None
    packed = b"".join(step.packed() for step in build_filter(machine, own_pid=os.getpid()))
    program = _Program(len(packed) // 8, packed)
    result = libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), ctypes.byref(program), 0, 0)
    raise_errno(result, "seccomp")


def _refuse(error_number: int) -> Instruction:
    return Instruction(_RETURN, _ERRNO | error_number)


def _allow_fcntl(number: int) -> list[Instruction]:
    """Allow `fcntl` with the commands that duplicate a descriptor or read and set its flags, but for O_ASYNC."""
    commands: list[Instruction] = []
    for command in _FCNTL_COMMANDS.values():
        commands += [Instruction(_JUMP_IF_EQUAL, command, if_false=1), Instruction(_RETURN, _ALLOW)]
    set_flags = [
        Instruction(_JUMP_IF_EQUAL, _F_SETFL, if_false=3),
        Instruction(_LOAD_WORD, _ARGUMENT_2),
        Instruction(_JUMP_IF_SET, _O_ASYNC, if_true=1),
        Instruction(_RETURN, _ALLOW),
    ]
    body = [Instruction(_LOAD_WORD, _ARGUMENT_1), *commands, *set_flags, _refuse(errno.EPERM)]
    return [Instruction(_JUMP_IF_EQUAL, number, if_false=len(body)), *body]


def _unless_set(number: int, argument: int, flag: int, *, is_wanted: bool) -> list[Instruction]:
    """Allow a call where a flag of its argument is set (`is_wanted`) or clear, refuse it otherwise."""
    when_set, when_clear = (Instruction(_RETURN, _ALLOW), _refuse(errno.EPERM))
    if not is_wanted:
        when_set, when_clear = when_clear, when_set
    return [
        Instruction(_JUMP_IF_EQUAL, number, if_false=4),
        Instruction(_LOAD_WORD, argument),
        Instruction(_JUMP_IF_SET, flag, if_false=1),
        when_set,
        when_clear,
    ]
