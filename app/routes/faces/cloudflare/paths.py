"""Paths as they were sent: a custom id may have slashes, and one that is encoded parts no segments."""

from collections.abc import Sequence
from urllib.parse import quote

from starlette.routing import BaseRoute, Router
from starlette.types import Receive, Scope, Send

from app.domain.addresses import split_path
from app.errors import NotFound
from app.routes.faces.cloudflare.words import NoRoute


class EncodedPaths:
    """Matches routes against percent-encoded paths; what they find in them is decoded by `read_name`."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self.routes = list(routes)
        self._router = Router(routes=self.routes, redirect_slashes=False, default=_refuse)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        raw_path = scope.get("raw_path") or quote(scope["path"]).encode()
        await self._router({**scope, "path": raw_path.decode("latin-1")}, receive, send)


def read_name(encoded: str) -> str:
    """What a path calls an image, a variant or a key, decoded once.

    Raises:
        NotFound: nothing is called so.
    """
    segments = split_path(f"/{encoded}")
    if segments is None:
        raise NotFound("There is nothing of this name.")
    return "/".join(segments)


async def _refuse(scope: Scope, _receive: Receive, _send: Send) -> None:
    raise NoRoute("There is no route for this address.")
