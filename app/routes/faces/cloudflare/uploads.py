"""Uploads: a file or a URL with a token, and one-time URLs for files of people who have none."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.db.snapshots import ImageSnapshot
from app.domain.access import Principal, Scope, require_account
from app.errors import InvalidRequest, SafelightError, Unauthorized, UrlNotAllowed
from app.ids import parse_uuid
from app.routes.answers import json_response
from app.routes.bodies import read_body
from app.routes.faces.cloudflare.fields import ImageFields, gather, read_fields
from app.routes.faces.cloudflare.resources import image_resource
from app.routes.faces.cloudflare.words import NotAForm, UnsupportedProtocol, success, tell
from app.routes.faces.parts import FaceParts
from app.routes.forms import FRAMING_BYTES, FormFile, is_form
from app.routes.upload import read_length
from app.services.delivery.delivery_urls import name_of
from app.services.uploads.drafts import SessionRequest
from app.services.uploads.reception import Reception, Sending

PREFIX = "/client/v4"
DIRECT_PATH = "/direct_upload/{account_hash}/{image_id}"
_PROTOCOLS = ("http:", "https:")
# The token is in the URL, and no cookie counts: a page of any origin may send the file that it was given leave for.
_OPEN_TO_ALL = {"access-control-allow-origin": "*"}


@dataclass(frozen=True, slots=True)
class CloudflareUploads:
    """`POST …/images/v1`, `POST …/images/v2/direct_upload`, and the URLs that it gives out."""

    parts: FaceParts

    async def upload(self, request: Request) -> Response:
        """A file, or the URL of one; answers when it is an image."""
        principal = await self.parts.account_caller(request)
        owner_id = require_account(principal, Scope.IMAGES_WRITE)
        form = _read_form(request, needs_file=False)
        spooling = self.parts.form_uploads.spooled(
            principal, form.chunks(), announced_bytes=read_length(request), framing_bytes=FRAMING_BYTES
        )
        async with spooling as file:
            fields = gather(form.fields)
            _check_source(form, fields, is_empty=file is None)
            wanted = fields.session_request()
            if file is not None:
                snapshot = (await self.parts.form_uploads.receive(principal, wanted, file, form.filename)).snapshot
            else:
                snapshot = await self._fetch(principal, fields.text("url") or "", wanted)
        urls = await self.parts.services.delivery_urls.read(owner_id)
        return success(image_resource(snapshot.image, urls))

    async def open_direct(self, request: Request) -> Response:
        """A one-time URL; the image is a draft until its file has come."""
        principal = await self.parts.account_caller(request)
        owner_id = require_account(principal, Scope.IMAGES_WRITE)
        fields = await read_fields(request)
        wanted = fields.session_request(ttl_s=fields.ttl_s)
        (opened,) = await self.parts.services.uploads.open_sessions(principal, [wanted])
        urls = await self.parts.services.delivery_urls.read(owner_id)
        image = opened.snapshot.image
        path = PREFIX + DIRECT_PATH.format(account_hash=urls.account_hash, image_id=image.id)
        upload_url = f"{self.parts.addresses.base_url}{path}?token={opened.token}"
        return success({"id": name_of(image), "uploadURL": upload_url})

    async def receive_direct(self, request: Request) -> Response:
        """The file of a one-time URL; it needs no other credential."""
        try:
            response = await self._receive_direct(request)
        except SafelightError as error:
            status, body = tell(error)
            response = json_response(body, status=status)
        response.headers.update(_OPEN_TO_ALL)
        return response

    async def allow_direct(self, _request: Request) -> Response:
        """Tell browsers that they may ask."""
        allowed = {"access-control-allow-methods": "POST", "access-control-allow-headers": "*"}
        return Response(status_code=204, headers=_OPEN_TO_ALL | allowed | {"access-control-max-age": "86400"})

    async def _fetch(self, principal: Principal, url: str, wanted: SessionRequest) -> ImageSnapshot:
        try:
            return await self.parts.services.fetched_uploads.receive(principal, url, wanted)
        except UrlNotAllowed as error:
            if not url.lower().startswith(_PROTOCOLS):
                raise UnsupportedProtocol(error.message, details=error.details) from error
            raise

    async def _receive_direct(self, request: Request) -> Response:
        form = _read_form(request)
        reception = await self._receive(request, form)
        urls = await self.parts.services.delivery_urls.read(reception.snapshot.image.owner_id)
        return success(image_resource(reception.snapshot.image, urls, is_for_owner=False))

    async def _receive(self, request: Request, form: FormFile) -> Reception:
        token = request.query_params.get("token", "")
        _, session = await self.parts.services.uploads.authenticate(token)
        if parse_uuid(request.path_params["image_id"]) != session.image_id:
            raise Unauthorized("This token belongs to another upload.")
        sending = Sending(
            session_id=session.id,
            token=token,
            chunks=form.chunks(),
            announced_bytes=read_length(request),
            framing_bytes=FRAMING_BYTES,
            sent_filename=lambda: form.filename,
        )
        return await self.parts.reception.receive(sending)


def _read_form(request: Request, *, needs_file: bool = True) -> FormFile:
    content_type = request.headers.get("content-type")
    if content_type is None or not is_form(content_type):
        raise NotAForm("Images are uploaded as multipart/form-data, not as raw image data.")
    return FormFile(content_type, read_body(request), needs_file=needs_file)


def _check_source(form: FormFile, fields: ImageFields, *, is_empty: bool) -> None:
    has_url = fields.text("url") is not None
    if form.has_file and has_url:
        raise InvalidRequest("Send file or url, not both.", details={"field": "url"})
    if not form.has_file and not has_url:
        raise InvalidRequest("Send the image as file, or where it is as url.", details={"field": "file"})
    if form.has_file and is_empty:
        raise InvalidRequest("The file is empty.", details={"field": "file"})
