"""Loaded by Python itself in every process of Safelight that tests start: on SIGUSR2 it writes what it is doing.

`tests.support.process_logs.dump_stacks` sends the signal when a test hangs.
"""

import asyncio
import faulthandler
import signal
import sys


def _write_tasks(*_: object) -> None:
    try:
        tasks = asyncio.all_tasks(asyncio.get_running_loop())
    except RuntimeError:
        return  # no loop runs here
    for task in tasks:
        task.print_stack(file=sys.stderr)


if hasattr(signal, "SIGUSR2"):
    signal.signal(signal.SIGUSR2, _write_tasks)
    # For a thread that never comes back to the interpreter's loop, too.
    faulthandler.register(signal.SIGUSR2, file=sys.stderr, chain=True)
