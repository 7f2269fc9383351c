"""A gate before a server: it lets bytes through up to a mark and holds the rest until a test has acted."""

import contextlib
import socket
import threading
from collections.abc import Iterator

from tests.support.waiting import LIMIT_S

_PART_BYTES = 65_536


class Gate:
    """Passes connections on to `target_port` of this machine, which may be set later. Open at first."""

    def __init__(self) -> None:
        self.target_port = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._mark_bytes: int | None = None
        self._is_open = threading.Event()
        self._is_open.set()
        self._is_held = threading.Event()
        self._is_draining = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def close_after(self, mark_bytes: int) -> None:
        """Hold every connection that has sent this much to the server."""
        self._is_held.clear()
        self._is_open.clear()
        self._mark_bytes = mark_bytes

    def wait_held(self) -> None:
        """Return when a connection stands at the closed gate."""
        assert self._is_held.wait(LIMIT_S), "no connection came to the gate"

    def open(self) -> None:
        """Let everything through again."""
        self._mark_bytes = None
        self._is_open.set()

    def reset(self) -> None:
        """Open again as it was at first, also after `drain`."""
        self.cut()
        self._is_draining = False
        self.open()

    def drain(self) -> None:
        """Let what is held run into the sand: taken from the client, never given to the server."""
        self._is_draining = True
        self.open()

    def cut(self) -> None:
        """Break every connection, as a network does."""
        pairs, self._pairs = self._pairs, []
        for end in (end for pair in pairs for end in pair):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """End it."""
        self._listener.close()
        self.open()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self.target_port))
                except OSError:
                    client.close()
                    continue
                self._pairs.append((client, server))
                threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_gated: bool) -> None:
        passed_bytes = 0
        with contextlib.suppress(OSError):
            while part := source.recv(_PART_BYTES):
                passed_bytes += len(part)
                mark_bytes = self._mark_bytes
                if is_gated and mark_bytes is not None and passed_bytes > mark_bytes:
                    self._is_held.set()
                    self._is_open.wait(LIMIT_S)
                    while self._is_draining and source.recv(_PART_BYTES):
                        pass
                    if self._is_draining:
                        break
                target.sendall(part)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()


@contextlib.contextmanager
def run_gate() -> Iterator[Gate]:
    """A gate for as long as the block runs."""
    gate = Gate()
    try:
        yield gate
    finally:
        gate.stop()
