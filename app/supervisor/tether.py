"""Run a program that cannot outlive its supervisor: `python tether.py SUPERVISOR_PID LIFELINE_FD PROGRAM …`.

On Linux the kernel kills the program when the supervisor's thread ends. Elsewhere a watcher process does, told by the
end of `LIFELINE_FD`: a pipe whose other end only the supervisor holds. Runs on the standard library alone, before any
other code of the program, and then becomes the program; its process id stays the same.
"""

import ctypes
import os
import select
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_CHECK_EVERY_S = 1.0


def die_with_parent(supervisor_pid: int) -> None:
    """Ask the kernel to kill this process with its parent; it holds over exec. Linux only."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    # The supervisor may have died before the request was made; nobody would tell us then.
    if os.getppid() != supervisor_pid:
        os._exit(1)


def leave_watcher(lifeline_fd: int) -> None:
    """Fork a process that kills this one's group as soon as the lifeline ends, and that ends when this one does."""
    program_pid = os.getpid()
    if os.fork() != 0:
        return
    while os.getppid() == program_pid:
        readable, _, _ = select.select([lifeline_fd], [], [], _CHECK_EVERY_S)
        if readable:  # nothing is ever written: this is its end
            os.killpg(program_pid, signal.SIGKILL)  # the program leads the group that this watcher is in
    os._exit(0)


def main(arguments: list[str]) -> None:
    """Tie this process to its supervisor, then become the program."""
    supervisor_pid, lifeline_fd = int(arguments[0]), int(arguments[1])
    if sys.platform == "linux":
        die_with_parent(supervisor_pid)
    else:
        leave_watcher(lifeline_fd)
    os.close(lifeline_fd)
    os.execv(arguments[2], arguments[2:])  # noqa: S606 (the supervisor's own list, no shell)


if __name__ == "__main__":
    main(sys.argv[1:])
