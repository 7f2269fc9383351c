"""An old system that a test makes up: what a real one may do, and what none should."""

import contextlib
import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.support.waiting import LIMIT_S


@dataclass(frozen=True)
class Answer:
    """What a request gets; a body of many parts has no announced length."""

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answering = Callable[[str, dict[str, str]], Answer]
"""Of a path and its query."""


@dataclass
class OtherSide:
    """A running one, and what it was asked."""

    url: str
    paths: list[str] = field(default_factory=list)


def as_json(document: object) -> Answer:
    """A document."""
    return Answer(json.dumps(document).encode(), headers={"Content-Type": "application/json"})


def held_after(answer: Answering, files: int, gate: threading.Event) -> Answering:
    """The same, but what follows so many files is held back until the gate is set."""
    asked = itertools.count()

    def hold(path: str, query: dict[str, str]) -> Answer:
        if path.endswith("/blob") and next(asked) >= files:
            gate.wait(LIMIT_S)
        return answer(path, query)

    return hold


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that is killed resets its connections: nothing to tell.
        pass

    def __init__(self, answer: Answering) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.side = OtherSide(f"http://127.0.0.1:{self.server_address[1]}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        parts = urlsplit(self.path)
        self.server.side.paths.append(parts.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        # A client that had enough of it is gone.
        with contextlib.suppress(OSError):
            self._send(self.server.answer(parts.path, query))

    def _send(self, given: Answer) -> None:
        self.send_response(given.status)
        for name, value in given.headers.items():
            self.send_header(name, value)
        parts = [given.body] if isinstance(given.body, bytes) else given.body
        if isinstance(given.body, bytes):
            self.send_header("Content-Length", str(len(given.body)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        for part in parts:
            self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def run_other_side(answer: Answering) -> Iterator[OtherSide]:
    """It answers as the function says until the block ends."""
    server = _Server(answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.side
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
