"""An old system that a test makes up: what a real one may do, and what none should."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


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


@contextlib.contextmanager
def run_other_side(answer: Answering) -> Iterator[OtherSide]:
    """It answers as the function says until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            side.paths.append(parts.path)
            given = answer(parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()})
            # Whoever had enough of it is gone.
            with contextlib.suppress(OSError):
                self._send(given)

        def _send(self, given: Answer) -> None:
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            if isinstance(given.body, bytes):
                self.send_header("Content-Length", str(len(given.body)))
                self.end_headers()
                self.wfile.write(given.body)
                return
            self.send_header("Connection", "close")
            self.close_connection = True
            self.end_headers()
            for part in given.body:
                self.wfile.write(part)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    side = OtherSide(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield side
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
