"""GET and HEAD of every address of a picture (docs/delivery.md), as one plain ASGI application.

What is in memory was answered before (app.routes.kept_pictures): here the rows are asked.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import parse_qsl, quote

from starlette.types import Receive, Scope, Send

from app.domain.access import ANONYMOUS, Principal
from app.domain.addresses import Address, PictureRoot, PrettyAddress, parse_address
from app.domain.signatures import is_signed
from app.errors import InvalidRequest, SafelightError, Unauthorized, Unavailable
from app.rate_limit import client_address
from app.routes.answers import TELL, Tell, mask, send_error, tell_error
from app.routes.hosts import PictureHosts
from app.routes.kept_pictures import KeptPictures
from app.routes.listening import while_heard
from app.routes.negotiation import read_taste
from app.routes.picture_answers import PictureSender, send_preflight
from app.routes.picture_headers import OPEN_TO_ALL, Terms, is_version_of, prepare
from app.routes.picture_requests import CREDENTIAL_HEADERS, PictureRequest
from app.services.delivery.pictures import Asked, Moved, PictureService
from app.storage.port import ObjectNotFound
from app.telemetry import DELIVERIES

log = logging.getLogger(__name__)

MAX_WAIT_S = 30
MAX_QUERY_BYTES = 4096

Authenticate = Callable[[str | None, str | None, str | None], Awaitable[Principal]]
"""The caller behind the headers `Authorization`, `X-API-Key` and `Cf-Access-Jwt-Assertion`."""

_REFUSALS = frozenset({403, 404})
_ALLOW = ((b"allow", b"GET, HEAD, OPTIONS"),)


class Pictures:
    """Serves the picture addresses of all hosts; on one that has nothing else, whatever comes."""

    def __init__(
        self,
        service: PictureService,
        kept: KeptPictures,
        authenticate: Authenticate,
        sender: PictureSender,
        *,
        hosts: PictureHosts,
        cdn_url: str,
    ) -> None:
        self._service = service
        self._kept = kept
        self._authenticate = authenticate
        self._sender = sender
        self._hosts = hosts
        self._cdn_url = cdn_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, asking whatever must be asked."""
        # A face that has a picture under an address of its own has words of its own for what goes wrong.
        tell: Tell = scope.get("state", {}).get(TELL, tell_error)
        with while_heard(receive, send) as send_on:
            await self._serve(PictureRequest.of(scope), self._hosts.roots(scope), send_on, tell)

    async def _serve(self, request: PictureRequest, roots: Sequence[PictureRoot], send: Send, tell: Tell) -> None:
        is_started = False

        async def sending(message: object) -> None:
            nonlocal is_started
            is_started = True
            await send(message)  # type: ignore[arg-type]  # a message of ours

        try:
            try:
                status = await self._answer(request, roots, sending)
            except ObjectNotFound:
                if is_started:
                    raise
                # Made anew between the look at its row and the look into the store: by now the row names the new one.
                status = await self._answer(request, roots, sending)
        except Exception as error:
            if is_started:
                # Half a picture is on its way: only a broken connection tells the client so.
                raise
            told = _as_told(error)
            if not request.has_credential and told.status in _REFUSALS:
                # Whoever was sent to look anew found that it is over; no one else shall get what was kept before.
                self._kept.discard(request)
            status = told.status
            headers = [*OPEN_TO_ALL, *(_ALLOW if status == 405 else ())]
            await send_error(send, told, headers, has_body=request.method != "HEAD", tell=tell)
        DELIVERIES.labels(status=str(status), cache="miss").inc()

    async def _answer(self, request: PictureRequest, roots: Sequence[PictureRoot], send: Send) -> int:
        if request.method == "OPTIONS":
            await send_preflight(send)
            return 204
        if request.method not in {"GET", "HEAD"}:
            raise MethodNotAllowed("Pictures are read with GET or HEAD.")
        address = _parse(request, roots)
        query = _read_query(request.query)
        with self._kept.reading(request) as reading:
            asked, principal = _read_asked(request, query), await self._principal(request)
            found = await self._service.find(principal, address, asked)
            if isinstance(found, Moved):
                return await self._send_on(send, request, address, found)
            deliverable = await self._kept.with_body(found.deliverable)
            named, is_seen_by_owner = dict(query), principal.account_id == deliverable.owner_id
            terms = Terms(
                is_owners=found.signed_until_s is None and (not deliverable.is_public or is_seen_by_owner),
                signed_until_s=found.signed_until_s,
                is_versioned=is_version_of(deliverable, named.get("v")),
                is_download=named.get("download") == "1",
                is_seen_by_owner=is_seen_by_owner,
                is_negotiated=found.is_negotiated,
            )
            answer = prepare(deliverable, terms)
            self._kept.keep(request, answer, reading, is_unannounced=found.is_unannounced)
        return await self._sender.send(send, request.method, request.headers, answer)

    async def _principal(self, request: PictureRequest) -> Principal:
        if not request.has_credential or is_signed(request.query_text):
            return ANONYMOUS
        try:
            return await self._authenticate(*(request.headers.get(name) for name in CREDENTIAL_HEADERS))
        except Unauthorized:
            # A wrong key opens no private picture, and closes no public one.
            return ANONYMOUS

    async def _send_on(self, send: Send, request: PictureRequest, address: Address | None, moved: Moved) -> int:
        size = address.size if isinstance(address, PrettyAddress) else None
        # Never made of `Host`: whoever sends another one is led nowhere else.
        place = f"{self._cdn_url}{moved.path}{'/' + quote(size, safe='=,') if size else ''}"
        target = f"{place}?{request.query_text}" if request.query else place
        headers = [
            *OPEN_TO_ALL,
            (b"location", target.encode("latin-1")),
            # Another image may get the old name tomorrow.
            (b"cache-control", b"no-store"),
            (b"content-length", b"0"),
        ]
        await send({"type": "http.response.start", "status": 301, "headers": headers})
        await send({"type": "http.response.body"})
        return 301


class MethodNotAllowed(InvalidRequest):
    """The address knows no such method."""

    status = 405


def _as_told(error: Exception) -> SafelightError:
    if isinstance(error, ObjectNotFound):
        log.error("object_lost", extra={"object_key": str(error.key)})
        return Unavailable("These bytes cannot be read just now.", retry_after_s=5)
    return mask(error)


def _parse(request: PictureRequest, roots: Sequence[PictureRoot]) -> Address | None:
    raw_path = request.raw_path.decode("latin-1") or quote(request.path)
    found = (parse_address(raw_path, root) for root in roots)
    return next((address for address in found if address is not None), None)


def _read_asked(request: PictureRequest, query: Sequence[tuple[str, str]]) -> Asked:
    return Asked(
        prefer=read_taste(request.headers.get(b"accept")).prefer,
        client=client_address.get(),
        query=query,
        wait_s=_read_wait(dict(query).get("wait")),
        signed_target=request.target if is_signed(request.query_text) else None,
    )


def _read_query(query: bytes) -> list[tuple[str, str]]:
    if len(query) > MAX_QUERY_BYTES:
        raise InvalidRequest(f"The query may have at most {MAX_QUERY_BYTES} bytes.", details={"field": "query"})
    if not query:
        return []
    try:
        return parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise InvalidRequest("The query cannot be understood.", details={"field": "query"}) from error


def _read_wait(text: str | None) -> float | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= MAX_WAIT_S):
        raise InvalidRequest(f"wait must be a whole number of seconds, 0 to {MAX_WAIT_S}.", details={"field": "wait"})
    return float(text)
