"""A proxy before an S3 store that answers some requests with an error of its own, as overloaded stores do."""

import http.client
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Fails = Callable[[str, str, int], tuple[int, str] | None]
"""Given the method, the target and how often it was asked before: a status and an S3 code, or None to pass it on."""


class FailingStore:
    """Where it listens, and which requests were answered with an error."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.fails: Fails = lambda method, target, before: None
        self.flips: Callable[[str, int], bool] = lambda target, before: False
        """Given the target of a GET and how often it was asked before: is one bit of the answer's body changed?"""
        self.seen: Counter[tuple[str, str]] = Counter()
        self.failed: list[tuple[str, str]] = []
        self.endpoint = ""
        self.lock = threading.Lock()

    def decide(self, method: str, target: str) -> tuple[int, str] | None:
        with self.lock:
            # Signed queries differ; what is asked does not.
            before = self.seen[method, target]
            self.seen[method, target] += 1
            verdict = self.fails(method, target, before)
            if verdict is not None:
                self.failed.append((method, target))
            return verdict


class _Server(ThreadingHTTPServer):
    def __init__(self, store: FailingStore) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = store


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        verdict = self.server.store.decide(self.command, self.path)
        if verdict is not None:
            status, code = verdict
            text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
            self._send(status, [("Content-Type", "application/xml")], text)
            return
        connection = http.client.HTTPConnection(self.server.store.target, timeout=30)
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            response = connection.getresponse()
            content = response.read()
            before = self.server.store.seen[self.command, self.path] - 1
            if self.command == "GET" and content and self.server.store.flips(self.path, before):
                content = bytes([content[0] ^ 1]) + content[1:]
            headers = [(name, value) for name, value in response.getheaders() if name.lower() not in _OF_A_HOP]
            self._send(response.status, headers, content, length=response.getheader("content-length"))
        finally:
            connection.close()

    def _send(self, status: int, headers: list[tuple[str, str]], content: bytes, *, length: str | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _answer  # noqa: N815  (http.server's names)


@contextmanager
def failing_before(endpoint: str) -> Iterator[FailingStore]:
    """Stand before the store at `host:port`."""
    store = FailingStore(endpoint)
    server = _Server(store)
    store.endpoint = f"127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()


_OF_A_HOP = {"content-length", "connection", "transfer-encoding", "keep-alive"}
