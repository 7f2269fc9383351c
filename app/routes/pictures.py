"""GET and HEAD of pictures: /f/{image}/{family}/{size}.{ext} and /images/{image}/blob, as one plain ASGI application.

Plain, because nearly all requests are for what is in memory: those take a dictionary look-up and two sends.
"""

import logging
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from app.domain.access import ANONYMOUS, Principal
from app.domain.links import parse_stable_path
from app.domain.signatures import is_signed
from app.errors import InvalidRequest, NotFound, SafelightError, Unauthorized, Unavailable
from app.ids import ImageId, parse_uuid
from app.routes.answers import mask, send_error
from app.routes.picture_answers import (
    CREDENTIAL_HEADERS,
    OPEN_TO_ALL,
    OpenObject,
    PictureRequest,
    Terms,
    is_version_of,
    send_picture,
    send_preflight,
)
from app.services.delivery import Deliverable, DeliveryService
from app.services.delivery_cache import DeliveryCache
from app.storage.port import ObjectNotFound
from app.telemetry import DELIVERIES

log = logging.getLogger(__name__)

MAX_WAIT_S = 30.0
MAX_QUERY_BYTES = 4096

Authenticate = Callable[[str | None, str | None, str | None], Awaitable[Principal]]
"""The caller behind the headers `Authorization`, `X-API-Key` and `Cf-Access-Jwt-Assertion`."""

_HITS = {status: DELIVERIES.labels(status=str(status), cache="hit") for status in (200, 206, 304, 416)}
_PUBLIC_TERMS = Terms()
_ALLOW = ((b"allow", b"GET, HEAD, OPTIONS"),)


class Pictures:
    """Serves every address of this module."""

    def __init__(
        self, delivery: DeliveryService, cache: DeliveryCache, authenticate: Authenticate, open_object: OpenObject
    ) -> None:
        self._delivery = delivery
        self._cache = cache
        self._authenticate = authenticate
        self._open_object = open_object

    async def send_kept(self, scope: Scope, send: Send) -> bool:
        """Answer from memory, if that can be; False where nothing was sent."""
        request = PictureRequest.of(scope)
        if request.query or request.has_credential or request.method not in {"GET", "HEAD"}:
            return False
        kept = self._cache.find(request.path)
        if kept is None:
            return False
        status = await send_picture(send, request, kept, self._open_object, _PUBLIC_TERMS)
        _HITS[status].inc()
        return True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, asking whatever must be asked."""
        await self._serve(PictureRequest.of(scope), send)

    async def _serve(self, request: PictureRequest, send: Send) -> None:
        is_started = False

        async def sending(message: object) -> None:
            nonlocal is_started
            is_started = True
            await send(message)  # type: ignore[arg-type]  # a message of ours

        try:
            try:
                status = await self._answer(request, sending)
            except ObjectNotFound:
                if is_started:
                    raise
                # Made anew between the look at its row and the look into the store: by now the row names the new one.
                status = await self._answer(request, sending)
        except Exception as error:
            if is_started:
                # Half a picture is on its way: only a broken connection tells the client so.
                raise
            told = _as_told(error)
            status = told.status
            headers = [*OPEN_TO_ALL, *(_ALLOW if status == 405 else ())]
            await send_error(send, told, headers, has_body=request.method != "HEAD")
        DELIVERIES.labels(status=str(status), cache="miss").inc()

    async def _answer(self, request: PictureRequest, send: Send) -> int:
        if request.method == "OPTIONS":
            await send_preflight(send)
            return 204
        if request.method not in {"GET", "HEAD"}:
            raise MethodNotAllowed("Pictures are read with GET or HEAD.")
        query = _read_query(request.query)
        signed_until_s = None
        if is_signed(request.query_text):
            # A wrong signature opens nothing, whatever else would: it says that somebody changed the address.
            principal, signed_until_s = await self._delivery.admit_signed(_image_of(request.path), request.target)
        else:
            principal = await self._principal(request)
        found = await self._find(request, principal, query)
        terms = Terms(
            is_owners=not found.is_public and signed_until_s is None,
            signed_until_s=signed_until_s,
            is_versioned=is_version_of(found, query.get("v")),
            is_download=query.get("download") == "1",
        )
        return await send_picture(send, request, found, self._open_object, terms)

    async def _principal(self, request: PictureRequest) -> Principal:
        if not request.has_credential:
            return ANONYMOUS
        try:
            return await self._authenticate(*(request.headers.get(name) for name in CREDENTIAL_HEADERS))
        except Unauthorized:
            # A wrong key opens no private picture, and closes no public one.
            return ANONYMOUS

    async def _find(self, request: PictureRequest, principal: Principal, query: dict[str, str]) -> Deliverable:
        blob_id = _parse_blob_path(request.path)
        if blob_id is not None:
            return await self._delivery.get_upload(principal, blob_id)
        path = parse_stable_path(request.path)
        if path is None:
            raise NotFound("There is no such image or variant.")
        reading = self._cache.begin_reading()
        try:
            wait_s = _read_wait(query.get("wait"))
            found = await self._delivery.get_variant(principal, path, wait_s=wait_s)
            if found.is_public:
                found = await self._delivery.with_body(found)
                self._cache.keep(request.path, found, reading)
            return found
        finally:
            self._cache.end_reading(reading)


class MethodNotAllowed(InvalidRequest):
    """The address knows no such method."""

    status = 405


def _as_told(error: Exception) -> SafelightError:
    if isinstance(error, ObjectNotFound):
        log.error("object_lost", extra={"object_key": str(error.key)})
        return Unavailable("These bytes cannot be read just now.", retry_after_s=5)
    return mask(error)


def _parse_blob_path(path: str) -> ImageId | None:
    parts = path.split("/")
    if len(parts) != 4 or parts[0] or parts[1] != "images" or parts[3] != "blob":
        return None
    found = parse_uuid(parts[2])
    return ImageId(found) if found is not None else None


def _image_of(path: str) -> ImageId | None:
    stable = parse_stable_path(path)
    return stable.image_id if stable is not None else _parse_blob_path(path)


def _read_query(query: bytes) -> dict[str, str]:
    if len(query) > MAX_QUERY_BYTES:
        raise InvalidRequest(f"The query may have at most {MAX_QUERY_BYTES} bytes.", details={"field": "query"})
    if not query:
        return {}
    try:
        return dict(parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=20))
    except ValueError as error:
        raise InvalidRequest("The query cannot be understood.", details={"field": "query"}) from error


def _read_wait(text: str | None) -> float:
    if text is None:
        return 0.0
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= MAX_WAIT_S and len(text) < 9):
        raise InvalidRequest(f"wait must be a whole number of seconds, 0 to {MAX_WAIT_S:g}.", details={"field": "wait"})
    return float(text)
