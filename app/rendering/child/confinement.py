"""What a child does to itself before it looks at a picture: limits, no rights, two directories, few system calls."""

import ctypes
import os
import resource
import signal
import struct
import sys
from pathlib import Path

from app.rendering.child.landlock import landlock_abi, restrict_files
from app.rendering.child.seccomp import has_seccomp, restrict_system_calls
from app.rendering.child.syscalls import PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, libc, prctl
from app.rendering.wire import IN_DIR, OUT_DIR, JobOrder

# Between the polite signal and the deadly one lies one second.
_HARD_CPU_EXTRA_S = 1

_CAPABILITY_VERSION_3 = 0x20080522


def missing_features() -> list[str]:
    """The kernel features that the cage needs and that are not here; empty where it can be closed."""
    missing = []
    if landlock_abi() == 0:
        missing.append("Landlock")
    if not has_seccomp():
        missing.append("seccomp")
    return missing


def confine(order: JobOrder) -> None:
    """Close the cage around this process, which must have one thread; the working directory becomes the job's.

    Where the kernel lacks Landlock or seccomp, what is there is used: the parent has decided that this will do.

    Raises:
        OSError: the kernel refused a part of it; nothing may be decoded then.
    """
    os.chdir(order.job_dir)
    os.nice(order.niceness)
    _set_limits(order)
    if sys.platform != "linux":
        return
    missing = missing_features()
    _drop_capabilities()
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    if "Landlock" not in missing:
        restrict_files(read_only=Path(IN_DIR), read_write=Path(OUT_DIR))
    if "seccomp" not in missing:
        restrict_system_calls()


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when its parent ends; ends it at once if that has happened already."""
    if sys.platform != "linux":
        return
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def _set_limits(order: JobOrder) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (order.cpu_s, order.cpu_s + _HARD_CPU_EXTRA_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (order.file_bytes, order.file_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (order.open_files, order.open_files))
    if sys.platform == "linux":  # elsewhere the address space counts what the system maps by itself
        resource.setrlimit(resource.RLIMIT_AS, (order.address_space_bytes, order.address_space_bytes))


def _drop_capabilities() -> None:
    # Root without capabilities is an ordinary user. The call cannot fail for one that only gives up.
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    libc.capset(ctypes.c_char_p(header), ctypes.c_char_p(bytes(24)))
