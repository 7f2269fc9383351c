"""A worker's own `/metrics`: a port of its own, beside everything that clients reach."""

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from pydantic import SecretStr

from app.routes.metrics import has_token
from app.settings import InvalidSettings
from app.shared_metrics import read_metrics

_SOCKET_TIMEOUT_S = 5.0


def serve_metrics(host: str, port: int, *, token: SecretStr | None) -> None:
    """Serve in a thread until the process ends.

    Raises:
        InvalidSettings: the port cannot be listened on.
    """
    server_type = _SixServer if ":" in host else ThreadingHTTPServer
    handler = type("Handler", (_Handler,), {"token": token})
    try:
        server = server_type((host, port), handler)
    except OSError as error:
        where = f"SAFELIGHT_METRICS_PORT={port} on {host}"
        raise InvalidSettings(f"{where} cannot be listened on: {error.strerror}") from error
    server.daemon_threads = True
    Thread(target=server.serve_forever, name="metrics-port", daemon=True).start()


class _SixServer(ThreadingHTTPServer):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    timeout = _SOCKET_TIMEOUT_S
    token: SecretStr | None = None

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/healthz":
            self._answer(200, b"ok\n")
        elif path != "/metrics":
            self._answer(404, b"Not found. The figures are at /metrics.\n")
        elif not has_token(self.headers.get("Authorization", ""), self.token):
            self._answer(401, b"Send SAFELIGHT_METRICS_TOKEN as Authorization: Bearer ...\n")
        else:
            self._answer(200, *read_metrics())

    def _answer(self, status: int, content: bytes, media_type: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the library's own name)
        """Scrapes are no news."""
