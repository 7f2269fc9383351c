"""Slink's three doors for one file each: signed in, with a key, as a guest."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.db.records import ImageRecord
from app.domain.access import ANONYMOUS, Principal, Scope, require_account
from app.errors import FileTooLarge, Forbidden, InvalidRequest
from app.routes.answers import json_response
from app.routes.bodies import read_body
from app.routes.faces.parts import FaceParts
from app.routes.faces.slink.resources import file_name, thumbnail_name
from app.routes.faces.slink.words import ABOUT_THE_FILE, SENT_BYTES
from app.routes.forms import FRAMING_BYTES, FormFile, is_form
from app.routes.upload import read_length
from app.services.uploads.at_once import Incoming
from app.services.uploads.drafts import SessionRequest


@dataclass(frozen=True, slots=True)
class SlinkUploads:
    """POST and PUT mean the same; the file is the part `image` of a form."""

    parts: FaceParts

    async def own(self, request: Request) -> Response:
        """`/api/upload`: for accounts alone, on servers too that let guests in."""
        principal = await self.parts.caller(request)
        require_account(principal, Scope.IMAGES_WRITE)
        return json_response({"id": str((await self._receive(principal, request)).id)}, status=201)

    async def guest(self, request: Request) -> Response:
        """`/api/guest/upload`: nobody's, whatever credential comes along."""
        if not self.parts.server.guest_uploads:
            raise Forbidden("This server lets no guests upload.")
        return json_response({"id": str((await self._receive(ANONYMOUS, request)).id)}, status=201)

    async def external(self, request: Request) -> Response:
        """`/api/external/upload`: as the first, and with addresses in the answer."""
        principal = await self.parts.caller(request)
        require_account(principal, Scope.IMAGES_WRITE)
        image = await self._receive(principal, request)
        addresses = {
            "url": f"/api/image/{file_name(image)}",
            "thumbnailUrl": f"/api/image/{thumbnail_name(image)}",
        }
        return json_response({"id": str(image.id), **addresses}, status=201)

    async def _receive(self, principal: Principal, request: Request) -> ImageRecord:
        length = read_length(request)
        try:
            incoming = _read_incoming(request, length)
            reception = await self.parts.at_once.receive(principal, SessionRequest(file_bytes=None), incoming)
        except (*ABOUT_THE_FILE, InvalidRequest) as error:
            error.details["field"] = "image"
            if isinstance(error, FileTooLarge) and length is not None:
                # The form's few words around its file are counted too: nobody looks further into what is refused.
                error.details[SENT_BYTES] = length
            raise
        return reception.snapshot.image


def _read_incoming(request: Request, length: int | None) -> Incoming:
    content_type = request.headers.get("content-type")
    if content_type is None or not is_form(content_type):
        raise InvalidRequest("Send multipart/form-data with one part called image.")
    form = FormFile(content_type, read_body(request))
    return Incoming(
        form.chunks(),
        announced_bytes=length,
        framing_bytes=FRAMING_BYTES,
        sent_filename=lambda: form.filename,
    )
