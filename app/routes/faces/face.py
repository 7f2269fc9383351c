"""A face as a whole: the routes of another system below one prefix, and its words for what goes wrong there."""

import re
from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from app.routes.answers import TELL, Tell


def make_face(prefix: str, routes: Sequence[BaseRoute], tell: Tell) -> Mount:
    """Routes below `prefix` whose errors are told by `tell`, those of unknown paths and methods too."""
    return make_mount(prefix, _Face(routes, tell))


def make_mount(prefix: str, app: ASGIApp) -> Mount:
    """Everything below a prefix; what has a line's end in its path, too, which Starlette alone passes over."""
    mount = Mount(prefix, app=app)
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount


def make_route(path: str, **by_method: Callable[[Request], Awaitable[ASGIApp]]) -> Route:
    """One address with an endpoint for each method, so that the answer to any other can name them all."""

    async def choose(request: Request) -> ASGIApp:
        return await by_method["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, choose, methods=list(by_method))


class _Face:
    def __init__(self, routes: Sequence[BaseRoute], tell: Tell) -> None:
        self.routes = list(routes)
        self._router = Router(routes=self.routes, redirect_slashes=False)
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # For the envelope, which answers every error, foreseen or not.
        scope["state"][TELL] = self._tell
        await self._router(scope, receive, send)
