"""Wait for the ends of processes without a descriptor or a thread for each: both may be had no more."""

import asyncio
import contextlib
import signal
import subprocess

# A signal that arrives while another one of its kind is pending is lost by design; so the processes are asked, too.
_POLL_EVERY_S = 2.0


class ExitWatch:
    """Wakes every waiting task on SIGCHLD; each then asks the kernel for its own process."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    def install(self) -> None:
        """Listen for SIGCHLD in the running event loop, which must be the main thread's."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._wake)

    async def wait_for(self, process: "subprocess.Popen[bytes]") -> int:
        """The status of the process, once it has ended."""
        woken = asyncio.Event()
        self._waiting.add(woken)
        try:
            while (status := process.poll()) is None:
                woken.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_EVERY_S):
                        await woken.wait()
            return status
        finally:
            self._waiting.discard(woken)

    def _wake(self) -> None:
        for woken in self._waiting:
            woken.set()
