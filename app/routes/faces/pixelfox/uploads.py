"""PixelFox's `/upload/sessions` and `/upload`."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app.domain.access import Scope, require_account
from app.domain.policy import Profile, Wanted
from app.domain.variants import Derivative, Family
from app.errors import InvalidRequest, Unauthorized
from app.routes.answers import json_response
from app.routes.faces.parts import FaceParts
from app.routes.json_bodies import Fields, read_object
from app.routes.resources import image_resource, policy_resource
from app.routes.upload import read_sending, read_token
from app.services.uploads.drafts import SessionRequest
from app.services.uploads.opening import OpenedSession

POOL_ID = 1
"""Of the one store that a server has."""


@dataclass(frozen=True, slots=True)
class UploadRoutes:
    """A session for each file, then the file with its token."""

    parts: FaceParts

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        return [
            Route("/upload/sessions", self.open_session, methods=["POST"]),
            Route("/upload", self.receive, methods=["POST"]),
        ]

    async def open_session(self, request: Request) -> Response:
        """Where the file goes, the token that takes it there, and what will be made of it."""
        principal = await self.parts.caller(request)
        # Guests have no part in this API, even where the server lets them in.
        require_account(principal, Scope.IMAGES_WRITE)
        fields = await read_object(request)
        number = fields.number("album_id")
        album_id = await self.parts.services.numbers.get_album_id(number) if number is not None else None
        wanted = SessionRequest(
            file_bytes=_read_file_bytes(fields),
            album_id=album_id,
            is_nsfw=fields.flag("is_nsfw"),
            wanted=_read_wanted(fields.object("processing")),
        )
        (opened,) = await self.parts.services.uploads.open_sessions(principal, [wanted])
        return json_response(self._describe(opened, number))

    async def receive(self, request: Request) -> Response:
        """The file of the session that the token belongs to, as a form."""
        token = read_token(request)
        if token is None:
            raise Unauthorized("Send the session's token as `Authorization: Bearer <token>`.")
        _principal, session = await self.parts.services.uploads.authenticate(token)
        reception = await self.parts.reception.receive(read_sending(request, session.id, token))
        resource = image_resource(
            reception.snapshot,
            self.parts.addresses,
            None if reception.is_of_guest else self.parts.object_url,
            owner_name=reception.owner_name,
            is_duplicate=reception.session.is_duplicate,
        )
        return json_response(resource)

    def _describe(self, opened: OpenedSession, album_number: int | None) -> dict[str, object]:
        image = opened.snapshot.image
        return {
            "upload_url": f"{self.parts.addresses.base_url}/api/v1/upload",
            "token": opened.token,
            "pool_id": POOL_ID,
            **({"album_id": album_number} if album_number is not None else {}),
            "is_nsfw": image.is_nsfw,
            # Unix seconds, unlike every other moment of this API.
            "expires_at": int(opened.session.expires_at.timestamp()),
            "max_bytes": opened.session.max_bytes,
            "processing": policy_resource(image.policy),
        }


def _read_file_bytes(fields: Fields) -> int:
    file_bytes = fields.number("file_size")
    if file_bytes is None:
        raise InvalidRequest("file_size is missing: the file's length in bytes.", details={"field": "file_size"})
    return file_bytes


def _read_wanted(fields: Fields | None) -> Wanted:
    if fields is None:
        return Wanted()
    name = fields.text("profile") or Profile.DEFAULT.value
    profile = _PROFILES.get(name)
    if profile is None:
        message = "processing.profile must be default, original_only or custom."
        raise InvalidRequest(message, details={"field": "processing.profile"})
    return Wanted(profile, tuple(_read_derivative(each) for each in fields.objects("derivatives") or ()))


def _read_derivative(fields: Fields) -> Derivative:
    family, size = _FAMILIES.get(fields.text("family") or ""), fields.text("size")
    if family is None or size is None:
        message = f"A derivative needs a size, and one of the families {', '.join(_FAMILIES)}."
        raise InvalidRequest(message, details={"field": "processing.derivatives"})
    return Derivative(family, size)


_PROFILES = {profile.value: profile for profile in Profile}
_FAMILIES = {family.value: family for family in Family}
