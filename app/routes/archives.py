"""GET and HEAD of /albums/{id}.zip."""

import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from app.domain.access import Principal
from app.domain.signatures import is_signed
from app.errors import Unavailable
from app.ids import AlbumId, parse_uuid
from app.routes.answers import Headers
from app.routes.listening import while_heard
from app.routes.picture_headers import disposition
from app.routes.picture_requests import PictureRequest
from app.services.library.archives import Archive, ArchiveService
from app.storage.port import ObjectNotFound

log = logging.getLogger(__name__)

Authenticate = Callable[[str | None, str | None, str | None], Awaitable[Principal]]
_SUFFIX = ".zip"


@dataclass(frozen=True, slots=True)
class ArchiveRoute:
    """Sends albums."""

    service: ArchiveService
    authenticate: Authenticate

    async def __call__(self, request: Request) -> "ArchiveResponse":
        """Find what is asked for, and say no before the first byte where there is something to say no to."""
        album_id = _read_album_id(request.path_params["name"])
        asked = PictureRequest.of(request.scope)
        if is_signed(asked.query_text):
            archive = await self.service.find_signed(album_id, asked.target, now_s=time.time())
        else:
            headers = request.headers
            principal = await self.authenticate(
                headers.get("authorization"), headers.get("x-api-key"), headers.get("cf-access-jwt-assertion")
            )
            archive = await self.service.find(principal, album_id)
        return ArchiveResponse(archive, self.service.stream(archive))


@dataclass(frozen=True, slots=True)
class ArchiveResponse:
    """An archive on its way; it ends with its last byte or, where a member cannot be read, with the connection."""

    archive: Archive
    chunks: AsyncIterator[bytes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, for as long as somebody listens."""
        start = {"type": "http.response.start", "status": 200, "headers": self._headers()}
        if scope["method"] == "HEAD":
            await send(start)
            await send({"type": "http.response.body"})
            return
        async with contextlib.aclosing(self.chunks) as chunks:  # type: ignore[type-var]  # an async generator
            first = await self._first(chunks)
            with while_heard(receive, send) as send_on:
                await send_on(start)
                await send_on({"type": "http.response.body", "body": first, "more_body": True})
                async for chunk in chunks:
                    await send_on({"type": "http.response.body", "body": chunk, "more_body": True})
                await send_on({"type": "http.response.body"})

    async def _first(self, chunks: AsyncIterator[bytes]) -> bytes:
        try:
            return await anext(chunks)
        except ObjectNotFound as error:
            log.error("object_lost", extra={"object_key": str(error.key)})
            raise Unavailable("These bytes cannot be read just now.", retry_after_s=5) from error

    def _headers(self) -> Headers:
        return [
            (b"content-type", b"application/zip"),
            (b"content-length", str(self.archive.byte_size).encode()),
            (b"content-disposition", disposition(self.archive.filename, is_download=True)),
            (b"cache-control", b"private, no-store"),
            (b"accept-ranges", b"none"),
            (b"x-content-type-options", b"nosniff"),
        ]


def _read_album_id(name: str) -> AlbumId | None:
    found = parse_uuid(name.removesuffix(_SUFFIX)) if name.endswith(_SUFFIX) else None
    return AlbumId(found) if found is not None else None
