"""GraphiQL, served whole from `app/static`, under a policy that lets it reach nothing but this server."""

import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC_DIR = Path(__file__).parent.parent / "static"
"""Built from `frontend/` at set-up; git-ignored, so a fresh clone has none."""

# Monaco and its dialogs write style attributes, and carry their fonts as data: URLs; scripts and workers are files.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "connect-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "font-src 'self' data:",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# esbuild puts eight characters of the content's hash before the extension.
_HASHED_NAME = re.compile(r"-[A-Z0-9]{8}\.[a-z]+$")

_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Safelight · GraphiQL</title>
<h1>GraphiQL has not been built yet</h1>
<p><code>make run</code> builds it; by hand: <code>cd frontend &amp;&amp; npm ci &amp;&amp; npm run build</code>.
The API itself works without it; its schema is at <a href="/schema.graphql">/schema.graphql</a>.</p></html>
"""


async def graphiql_page(_request: Request, *, static_dir: Path = STATIC_DIR) -> Response:
    """The page for a browser that asks for `/graphql`; 503 with what to do where it was never built."""
    page = static_dir / "graphiql" / "index.html"
    if not page.is_file():
        return HTMLResponse(_NOT_BUILT, status_code=503, headers=_HEADERS | {"Cache-Control": "no-store"})
    return FileResponse(page, media_type="text/html", headers=_HEADERS | {"Cache-Control": "no-cache"})


def static_mount(static_dir: Path = STATIC_DIR) -> Mount:
    """The route of everything the pages load: `/static/…`."""
    return Mount("/static", _BuiltFiles(directory=static_dir, check_dir=False), name="static")


class _BuiltFiles(StaticFiles):
    """Built files; those with their hash in the name may be kept for ever."""

    async def check_config(self) -> None:
        """A folder that was never built is no fault: its files are just not found."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        is_immutable = _HASHED_NAME.search(path) is not None
        answer.headers.update(_HEADERS)
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_immutable else "no-cache"
        return answer
