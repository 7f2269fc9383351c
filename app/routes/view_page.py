"""GET of /i/{shortId} by those who would rather have a page than a picture."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.domain.access import ANONYMOUS, Principal
from app.domain.addresses import PictureRoot, parse_address
from app.domain.signatures import is_signed
from app.errors import NotFound, SafelightError, Unauthorized
from app.routes.answers import mask
from app.routes.picture_requests import CREDENTIAL_HEADERS, PictureRequest
from app.routes.view_markup import make_message, make_view
from app.services.delivery.showing import ShowingService, Shown

Authenticate = Callable[[str | None, str | None, str | None], Awaitable[Principal]]

_WORDS = {
    403: ("This link is not good any more", "Its time is over, or somebody changed it. Ask for a new one."),
    404: ("There is no such picture", "It may have been deleted or made private, or the address has a slip in it."),
}


@dataclass(frozen=True, slots=True)
class ViewPage:
    """Shows images."""

    showing: ShowingService
    authenticate: Authenticate
    base_url: str
    image_origins: Sequence[str]
    """From where pictures may come beside this server's own address."""

    async def __call__(self, request: Request) -> Response:
        """The page, or one that says why there is none."""
        try:
            shown = await self._find(PictureRequest.of(request.scope))
        except Exception as error:
            return _refuse(mask(error))
        nonce = secrets.token_urlsafe(16)
        page = make_view(shown, base_url=self.base_url, nonce=nonce)
        return HTMLResponse(page, headers={**self._headers(nonce), "Cache-Control": _caching(shown)})

    async def _find(self, request: PictureRequest) -> Shown:
        address = parse_address(request.raw_path.decode("latin-1"), PictureRoot())
        if address is None:
            raise NotFound("There is no such image.")
        if is_signed(request.query_text):
            return await self.showing.show(ANONYMOUS, address, signed_target=request.target)
        return await self.showing.show(await self._principal(request), address)

    async def _principal(self, request: PictureRequest) -> Principal:
        if not request.has_credential:
            return ANONYMOUS
        try:
            return await self.authenticate(*(request.headers.get(name) for name in CREDENTIAL_HEADERS))
        except Unauthorized:
            return ANONYMOUS

    def _headers(self, nonce: str) -> dict[str, str]:
        base = urlsplit(self.base_url)
        socket = f"{'wss' if base.scheme == 'https' else 'ws'}://{base.netloc}"
        policy = {
            "default-src": "'none'",
            "img-src": " ".join(["'self'", "data:", *self.image_origins]),
            "style-src": f"'self' 'nonce-{nonce}'",
            "script-src": "'self'",
            "connect-src": f"'self' {socket}",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        return {**_ALWAYS, "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items())}


_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    # A signed address of the page opens it: other sites shall not learn it.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Vary": "Accept",
}


_MESSAGE_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"


def _caching(shown: Shown) -> str:
    # Its words may change at any moment, and it holds a nonce.
    return "no-cache" if shown.is_public else "private, no-store"


def _refuse(error: SafelightError) -> Response:
    title, message = _WORDS.get(error.status, ("This picture cannot be shown just now", error.message))
    headers = {**_ALWAYS, "Cache-Control": "no-store", "Content-Security-Policy": _MESSAGE_POLICY}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return HTMLResponse(make_message(title, message), status_code=error.status, headers=headers)
