"""Around every request: its id, its count and time, and errors as JSON. Plain ASGI, so that streams stay streams."""

import logging
import time
import uuid

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import InvalidRequest, NotFound, SafelightError
from app.routes.answers import mask, send_error
from app.telemetry import HTTP_REQUESTS, HTTP_SECONDS, request_id

log = logging.getLogger(__name__)

_ROUTES = ("/graphql", "/upload", "/f", "/images", "/healthz", "/readyz", "/metrics", "/schema.graphql")


class RequestEnvelope:
    """Gives each request an id, measures it, and turns what is raised into an answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        token = request_id.set(uuid.uuid4().hex)
        scope.setdefault("state", {})["request_id"] = request_id.get()
        try:
            await self._serve(scope, receive, send)
        finally:
            request_id.reset(token)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started_at, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", (request_id.get() or "").encode())]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            log.debug("client_gone")
        except Exception as error:
            if status:
                raise
            await send_error(sending, _as_told(error), _headers_of(error), has_body=scope["method"] != "HEAD")
        finally:
            route = _route_of(scope["path"])
            HTTP_REQUESTS.labels(route=route, status=str(status)).inc()
            HTTP_SECONDS.labels(route=route).observe(time.perf_counter() - started_at)


def _as_told(error: Exception) -> SafelightError:
    if not isinstance(error, HTTPException):
        return mask(error)
    if error.status_code == 404:
        return NotFound("There is nothing at this address.")
    refused = InvalidRequest(str(error.detail))
    refused.status = error.status_code  # type: ignore[misc]  # this one refusal has the router's own status
    return refused


def _headers_of(error: Exception) -> list[tuple[bytes, bytes]]:
    # The router's own: with 405 goes the list of what is allowed.
    headers = (error.headers or {}) if isinstance(error, HTTPException) else {}
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _route_of(path: str) -> str:
    # Labels come from a fixed list: a stranger's paths must not fill the memory.
    first = "/" + path.split("/", 2)[1] if path.startswith("/") else ""
    return first if first in _ROUTES else "other"
