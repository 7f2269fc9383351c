"""/upload/{session}: the one file of a session, as a form (POST) or as it is (PUT)."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.context import Addresses
from app.errors import FileTooLarge, InvalidRequest, Unauthorized
from app.ids import UPLOAD_TOKEN_PREFIX, SessionId, parse_uuid
from app.routes.answers import json_response
from app.routes.bodies import read_body
from app.routes.forms import FRAMING_BYTES, FormFile, is_form
from app.routes.resources import image_resource
from app.services.uploads.reception import Reception, ReceptionService, Sending


@dataclass(frozen=True, slots=True)
class UploadRoute:
    """Takes the bytes of sessions."""

    reception: ReceptionService
    addresses: Addresses

    async def __call__(self, request: Request) -> Response:
        """201 with the image's resource; 200 where its bytes were there already."""
        reception = await self.reception.receive(read_sending(request, *read_session_and_token(request)))
        # Whoever brings a token may be anybody whom the owner lets upload: where bytes lie is not for them.
        resource = image_resource(
            reception.snapshot,
            self.addresses,
            None,
            owner_name=reception.owner_name,
            is_duplicate=reception.session.is_duplicate,
        )
        return json_response(resource, status=_status_of(reception))


def read_session_and_token(request: Request) -> tuple[SessionId, str]:
    """Which session a request is for, and the secret that it brings.

    Raises:
        Unauthorized: one of them is missing.
    """
    session_id = parse_uuid(request.path_params["session"])
    token = read_token(request)
    if session_id is None or token is None:
        raise Unauthorized("Send the upload token as `Authorization: Bearer <token>`, or use the session's oneTimeUrl.")
    return SessionId(session_id), token


def _status_of(reception: Reception) -> int:
    # 202: a replacement's bytes are safe, and the image still has its old ones.
    if reception.is_undecided:
        return 202
    return 201 if reception.is_new else 200


def read_sending(request: Request, session_id: SessionId, token: str) -> Sending:
    """The file that a request brings for a session: of a form its one file, else the body as it is.

    Raises:
        InvalidRequest: POST brings no form, or a header cannot be.
    """
    form = _read_form(request) if request.method == "POST" else None
    return Sending(
        session_id=session_id,
        token=token,
        chunks=form.chunks() if form is not None else read_body(request),
        announced_bytes=read_length(request),
        framing_bytes=FRAMING_BYTES if form is not None else 0,
        sent_filename=lambda: form.filename if form is not None else None,
    )


def _read_form(request: Request) -> FormFile:
    content_type = request.headers.get("content-type")
    if content_type is None or not is_form(content_type):
        raise InvalidRequest(
            "POST takes multipart/form-data with one part called file; send raw bytes with PUT.",
            details={"field": "Content-Type"},
        )
    return FormFile(content_type, read_body(request))


def read_token(request: Request) -> str | None:
    """The upload token of a request, from its header or its address; None where it has none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    in_header = value.strip() if scheme.lower() == "bearer" else ""
    in_url = request.query_params.get("token")
    # Many clients send their API key with every request: beside a oneTimeUrl it means nothing.
    if in_url is not None and not in_header.startswith(UPLOAD_TOKEN_PREFIX):
        return in_url
    return in_header or None


def read_length(request: Request) -> int | None:
    """The length that a request announces, if it does.

    Raises:
        InvalidRequest: it is no number.
        FileTooLarge: it has more digits than any file has bytes.
    """
    text = request.headers.get("content-length")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise InvalidRequest("Content-Length must be a whole number.", details={"field": "Content-Length"})
    if len(text) > 15:
        raise FileTooLarge("The file is too large.", details={"field": "Content-Length"})
    return int(text)
