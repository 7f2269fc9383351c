"""Become another program that is killed when the tests are: `launch.py PARENT_PID USER_ID GROUP_FILE COMMAND...`.

A program of its own, because what must happen between fork and exec is not safe in a test process that has threads.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Never returns: this process becomes the program, as leader of its own process group."""
    parent_pid, user_id, group_file, *command = sys.argv[1:]
    Path(group_file).write_text(str(os.getpid()))
    if int(user_id) != os.getuid():
        os.setgroups([])
        os.setgid(int(user_id))
        os.setuid(int(user_id))
    if sys.platform == "linux":
        # After the change of user, which would undo it.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent_pid):
        sys.exit("the tests ended before the program began")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
