"""SIGHUP: end with the terminal; any other one, sent by hand or by a log rotation, ends nothing."""

import os
import signal
from collections.abc import Callable
from types import FrameType


def end_with_terminal(end: Callable[[], None], *, otherwise: Callable[[], None] = lambda: None) -> None:
    """Call `end` on a SIGHUP after which this process has lost its terminal, `otherwise` on any other SIGHUP.

    A process that `nohup` started ignores the signal, and goes on doing so. For the main thread.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return
    had_terminal = _has_terminal()

    def on_hangup(_number: int, _frame: FrameType | None) -> None:
        (end if had_terminal and not _has_terminal() else otherwise)()

    signal.signal(signal.SIGHUP, on_hangup)


def terminate() -> None:
    """End this process as SIGTERM does."""
    os.kill(os.getpid(), signal.SIGTERM)


def _has_terminal() -> bool:
    try:
        os.close(os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
