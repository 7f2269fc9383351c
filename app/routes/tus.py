"""/upload: every way to send a file, and tus 1.0.0 with creation, termination, expiration and checksum."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.context import Addresses
from app.domain.access import Principal, Visibility
from app.errors import ChecksumMismatch, InvalidRequest, SafelightError
from app.routes.answers import error_body, error_headers
from app.routes.bodies import read_body
from app.routes.tus_headers import (
    ALGORITHMS,
    CORS,
    PART_TYPE,
    PREFLIGHT,
    VERSION,
    check_version,
    expiry_header,
    progress_headers,
    read_checksum,
    read_count,
    read_metadata,
    with_status,
)
from app.routes.upload import UploadRoute, read_length, read_session_and_token
from app.services.uploads.drafts import SessionRequest
from app.services.uploads.opening import MAX_TTL_S
from app.services.uploads.parts import Part
from app.services.uploads.resuming import ResumingService
from app.services.uploads.sessions import UploadService

Authenticate = Callable[[str | None, str | None, str | None], Awaitable[Principal]]
Way = Callable[[Request], Awaitable[Response]]
FOLDER_METHODS = ["POST", "OPTIONS"]
SESSION_METHODS = ["POST", "PUT", "HEAD", "PATCH", "DELETE", "OPTIONS"]
_OVERRIDES = frozenset({"HEAD", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class UploadDoor:
    """Answers whatever is asked of `/upload` and below, for pages of every origin."""

    upload: UploadRoute
    resuming: ResumingService
    uploads: UploadService
    authenticate: Authenticate
    addresses: Addresses
    max_upload_bytes: int

    async def folder(self, request: Request) -> Response:
        """POST opens a session for a resumable upload; OPTIONS tells what the server can do."""
        return await self._answer(request, self._create if request.method == "POST" else self._tell)

    async def session(self, request: Request) -> Response:
        """The bytes of a session, at once or in parts."""
        ways: dict[str, Way] = {
            "HEAD": self._look,
            "PATCH": self._append,
            "DELETE": self._terminate,
            "OPTIONS": self._tell,
        }
        return await self._answer(request, ways.get(_method_of(request), self.upload))

    async def _answer(self, request: Request, way: Way) -> Response:
        try:
            response = await way(request)
        except SafelightError as error:
            response = _error_response(error, has_body=request.method != "HEAD")
        response.headers.update(CORS)
        if "tus-resumable" in request.headers:
            response.headers["Tus-Resumable"] = VERSION
        return response

    async def _tell(self, _request: Request) -> Response:
        return Response(status_code=204, headers={**self._abilities(), **PREFLIGHT})

    async def _create(self, request: Request) -> Response:
        check_version(request)
        if "upload-defer-length" in request.headers:
            message = "The length must be known: send Upload-Length."
            raise InvalidRequest(message, details={"field": "Upload-Defer-Length"})
        file_bytes = read_count(request, "Upload-Length")
        shown = (request.headers.get(name) for name in ("authorization", "x-api-key", "cf-access-jwt-assertion"))
        principal = await self.authenticate(*shown)
        asked = _read_request(file_bytes, read_metadata(request))
        (opened,) = await self.uploads.open_sessions(principal, [asked])
        # Clients send the same headers with every request, and keep the address to go on with: the token is in it.
        # Relative, so that it leads through the same proxy as this request, which strips the path of our address.
        prefix = urlsplit(self.addresses.base_url).path
        location = f"{prefix}/upload/{opened.session.id}?token={opened.token}"
        expires = expiry_header(opened.session)
        return _empty(201, {"Location": location, **expires})

    async def _look(self, request: Request) -> Response:
        check_version(request)
        progress = await self.resuming.look(*read_session_and_token(request))
        filename = base64.b64encode(progress.snapshot.image.filename.encode()).decode()
        said = {"Upload-Length": str(progress.session.max_bytes), "Upload-Metadata": f"filename {filename}"}
        return _empty(200, {**progress_headers(progress), **said})

    async def _append(self, request: Request) -> Response:
        check_version(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != PART_TYPE:
            message = f"PATCH takes bodies of the type {PART_TYPE}."
            raise with_status(InvalidRequest(message, details={"field": "Content-Type"}), 415)
        session_id, token = read_session_and_token(request)
        part = Part(
            session_id=session_id,
            token=token,
            offset_bytes=read_count(request, "Upload-Offset"),
            chunks=read_body(request),
            announced_bytes=read_length(request),
            checksum=read_checksum(request),
        )
        try:
            progress = await self.resuming.append(part)
        except ChecksumMismatch as error:
            # Of the part; of the whole file it is what it is elsewhere.
            raise with_status(error, 460) if part.checksum is not None else error from error
        return _empty(204, progress_headers(progress))

    async def _terminate(self, request: Request) -> Response:
        check_version(request)
        await self.resuming.terminate(*read_session_and_token(request))
        return _empty(204, {})

    def _abilities(self) -> dict[str, str]:
        return {
            "Tus-Resumable": VERSION,
            "Tus-Version": VERSION,
            "Tus-Extension": "creation,termination,expiration,checksum",
            "Tus-Max-Size": str(self.max_upload_bytes),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        }


def _method_of(request: Request) -> str:
    # For networks that let nothing but GET and POST through.
    override = request.headers.get("x-http-method-override", "").upper()
    return override if request.method == "POST" and override in _OVERRIDES else request.method


def _read_request(file_bytes: int, said: Mapping[str, str]) -> SessionRequest:
    return SessionRequest(
        file_bytes=file_bytes,
        filename=said.get("filename", said.get("name")),
        title=said.get("title"),
        alt=said.get("alt"),
        description=said.get("description"),
        creator=said.get("creator"),
        custom_id=said.get("customId"),
        visibility=_read_visibility(said.get("visibility")),
        sha256=said.get("sha256"),
        ttl_s=MAX_TTL_S,
    )


def _read_visibility(text: str | None) -> Visibility | None:
    if text is None:
        return None
    if text.upper() not in Visibility.__members__:
        raise InvalidRequest("visibility must be PUBLIC or PRIVATE.", details={"field": "visibility"})
    return Visibility[text.upper()]


def _error_response(error: SafelightError, *, has_body: bool) -> Response:
    content = orjson.dumps(error_body(error)) if has_body else b""
    headers = {name.decode(): value.decode() for name, value in error_headers(error)}
    if error.status == 412:
        headers["Tus-Version"] = VERSION
    return Response(content, status_code=error.status, headers=headers)


def _empty(status: int, headers: Mapping[str, str]) -> Response:
    return Response(status_code=status, headers={"Cache-Control": "no-store", "Tus-Resumable": VERSION, **headers})
