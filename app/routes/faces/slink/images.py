"""One image of Slink's: its detail, its change, its end, and its picture under an address of old."""

from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.db.records import ImageRecord
from app.domain import access
from app.domain.access import Principal, Visibility, require_account
from app.errors import NotFound
from app.ids import ImageId, parse_uuid
from app.routes.answers import json_response
from app.routes.faces.parts import FaceParts
from app.routes.faces.slink import resources
from app.routes.json_bodies import Fields, read_object
from app.services.library.image_changes import ImageChange

_THUMBNAIL = "_thumbnail"
_THUMBNAIL_SIZE = "small"


@dataclass(frozen=True, slots=True)
class SlinkImages:
    """Answers below `/api/image/`."""

    parts: FaceParts

    async def detail(self, request: Request) -> Response:
        """GET `/api/image/{id}/detail`."""
        principal = await self.parts.caller(request)
        require_account(principal, access.Scope.IMAGES_READ)
        image = await self._find(principal, _read_id(request.path_params["id"]))
        owners = await self.parts.services.accounts.get_many([image.owner_id])
        return json_response(resources.detail(image, owners[image.owner_id]))

    async def change(self, request: Request) -> Response:
        """PATCH `/api/image/{id}`: what is not named stays, a null description is cleared."""
        principal = await self.parts.caller(request)
        require_account(principal, access.Scope.IMAGES_WRITE)
        change = _read_change(await read_object(request))
        await self.parts.services.library.update(principal, _read_id(request.path_params["name"]), change)
        return Response(status_code=204)

    async def delete(self, request: Request) -> Response:
        """DELETE `/api/image/{id}`: for good, or into the trash where the file shall be preserved."""
        principal = await self.parts.caller(request)
        require_account(principal, access.Scope.IMAGES_WRITE)
        keeps_file = (await read_object(request)).flag("preserveOnDisk") if _has_body(request) else False
        image_id = _read_id(request.path_params["name"])
        batch = await self.parts.services.trash.delete(principal, [image_id], permanent=not keeps_file)
        for error in batch.failed.values():
            raise error
        return Response(status_code=204)

    async def picture(self, request: Request) -> ASGIApp:
        """GET `/api/image/{name}`: the picture that the answer of an external upload names, or a small one."""
        name, dot, extension = request.path_params["name"].rpartition(".")
        if not name.endswith(_THUMBNAIL):
            return _Elsewhere(self.parts.pictures, f"/image/{request.path_params['name']}")
        if not dot or not extension:
            raise _missing()
        principal = await self.parts.caller(request)
        image = await self._find(principal, _read_id(name.removesuffix(_THUMBNAIL)))
        return _Elsewhere(self.parts.pictures, f"/i/{image.short_id}/{_THUMBNAIL_SIZE}", is_as_stored=True)

    async def _find(self, principal: Principal, image_id: ImageId) -> ImageRecord:
        found = await self.parts.services.images.find_alone(principal, image_id)
        if found is None or found.image.is_draft or found.image.deleted_at is not None:
            raise _missing()
        return found.image


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """Answers a request as if it had been sent to another path."""

    app: ASGIApp
    path: str
    is_as_stored: bool = False
    """In the format that the address promises by its extension, whatever else the client would take."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [pair for pair in scope["headers"] if not (self.is_as_stored and pair[0] == b"accept")]
        # Already decoded once: what is decoded again must say what it says now.
        moved = {"path": self.path, "raw_path": quote(self.path).encode(), "root_path": "", "headers": headers}
        await self.app({**scope, **moved}, receive, send)


def _read_id(text: str) -> ImageId:
    found = parse_uuid(text)
    if found is None:
        raise _missing()
    return ImageId(found)


def _missing() -> NotFound:
    return NotFound("There is no such image.")


def _has_body(request: Request) -> bool:
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


def _read_change(fields: Fields) -> ImageChange:
    change = ImageChange()
    if "description" in fields:
        change["description"] = fields.text("description")
    is_public = fields.flag("isPublic")
    if is_public is not None:
        change["visibility"] = Visibility.PUBLIC if is_public else Visibility.PRIVATE
    return change
