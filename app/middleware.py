"""Around every request: its id, its count and time, and errors as JSON. Plain ASGI, so that streams stay streams."""

import asyncio
import logging
import time
import uuid
from collections.abc import Collection, Sequence

from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import InvalidRequest, NotFound, SafelightError
from app.rate_limit import Network, RateNote, client_address, find_client_address, rate_note
from app.routes.answers import TELL, mask, send_error, stopping, tell_error
from app.routes.host_check import HostCheck
from app.routes.hosts import PictureHosts
from app.telemetry import HTTP_REQUESTS, HTTP_SECONDS, request_id

log = logging.getLogger(__name__)

_OWN = ("/graphql", "/upload", "/healthz", "/readyz", "/metrics", "/schema.graphql", "/albums", "/oembed", "/assets")
_DOCUMENTS = ("/openapi.json",)
_PICTURES = ("/f", "/images", "/i", "/t", "/image", "/cdn", "/cdn-cgi")
_FACES = ("/v1", "/api", "/client")
_ROUTES = frozenset((*_OWN, *_DOCUMENTS, *_PICTURES, *_FACES))


class RequestEnvelope:
    """Gives each request an id, measures it, and turns what is raised into an answer."""

    def __init__(self, app: ASGIApp, *, public_urls: Sequence[str], trusted_proxies: Sequence[Network] = ()) -> None:
        self._app = app
        self._host_check = HostCheck(public_urls, trusted_proxies)
        self._trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        # Every request has a context of its own, so that neither needs putting back.
        client_address.set(self._find_address(scope))
        rate_note.set([])
        self._host_check.check(scope)
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        token = request_id.set(uuid.uuid4().hex)
        scope.setdefault("state", {})["request_id"] = request_id.get()
        try:
            await self._serve(scope, receive, send)
        finally:
            request_id.reset(token)

    def _find_address(self, scope: Scope) -> str:
        forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        peer = scope.get("client")
        return find_client_address(peer[0] if peer else None, forwarded, self._trusted_proxies)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started_at, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", (request_id.get() or "").encode())]
                message["headers"] += _rate_headers(message["headers"])
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            log.debug("client_gone")
        except (Exception, asyncio.CancelledError) as error:
            if status:
                raise
            tell = scope["state"].get(TELL, tell_error)
            has_body = scope["method"] != "HEAD"
            await send_error(sending, _as_told(error), _headers_of(error), has_body=has_body, tell=tell)
        finally:
            route = _route_of(scope["path"])
            HTTP_REQUESTS.labels(route=route, status=str(status)).inc()
            HTTP_SECONDS.labels(route=route).observe(time.perf_counter() - started_at)


def share_with_origins(origins: Collection[str], app: ASGIApp, hosts: PictureHosts) -> ASGIApp:
    """Let pages of these origins use the API; pictures say by themselves that anyone may read them."""
    if not origins:
        return app
    shared = CORSMiddleware(
        app,
        allow_origins=list(origins),
        allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=["*"],
        max_age=86_400,
    )

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        await (app if hosts.is_picture(scope) else shared)(scope, receive, send)

    return choose


def _rate_headers(present: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    notes: list[RateNote] = rate_note.get() or []
    if not notes:
        return []
    note = notes[0]
    told = {"limit": note.limit, "remaining": note.remaining, "reset": note.reset_s}
    headers = [(f"x-ratelimit-{name}".encode(), str(number).encode()) for name, number in told.items()]
    if note.retry_after_s is not None and all(name != b"retry-after" for name, _ in present):
        headers.append((b"retry-after", str(note.retry_after_s).encode()))
    return headers


def _as_told(error: Exception | asyncio.CancelledError) -> SafelightError:
    if isinstance(error, asyncio.CancelledError):
        return stopping()
    if not isinstance(error, HTTPException):
        return mask(error)
    if error.status_code == 404:
        return NotFound("There is nothing at this address.")
    refused = InvalidRequest(str(error.detail))
    refused.status = error.status_code  # type: ignore[misc]  # this one refusal has the router's own status
    return refused


def _headers_of(error: BaseException) -> list[tuple[bytes, bytes]]:
    # The router's own: with 405 goes the list of what is allowed.
    headers = (error.headers or {}) if isinstance(error, HTTPException) else {}
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _route_of(path: str) -> str:
    # Labels come from a fixed list: a stranger's paths must not fill the memory.
    first = "/" + path.split("/", 2)[1] if path.startswith("/") else ""
    return first if first in _ROUTES else "other"
