"""One image: its details, changes, removal, and the very bytes that were uploaded."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ASGIScope

from app.domain.access import Scope
from app.domain.links import make_blob_path
from app.errors import InvalidRequest, NotFound
from app.routes.faces.cloudflare.fields import ImageFields
from app.routes.faces.cloudflare.paths import read_name
from app.routes.faces.cloudflare.resources import detailed_resource, image_resource
from app.routes.faces.cloudflare.words import success
from app.routes.faces.parts import FaceParts
from app.routes.json_bodies import read_object
from app.services.library.image_changes import ImageChange


@dataclass(frozen=True, slots=True)
class CloudflareImages:
    """`…/images/v1/{image_id}` and `…/images/v1/{image_id}/blob`."""

    parts: FaceParts

    async def details(self, request: Request) -> Response:
        """The image, or its draft."""
        principal = await self.parts.account_caller(request)
        snapshot = await self.parts.services.named_images.get(principal, _read_name(request))
        urls = await self.parts.services.delivery_urls.read(snapshot.image.owner_id)
        return success(detailed_resource(snapshot.image, urls))

    async def edit(self, request: Request) -> Response:
        """Change creator, metadata or access; the id stays, and with it every address."""
        principal = await self.parts.account_caller(request)
        services = self.parts.services
        named = await services.named_images.get(principal, _read_name(request), scope=Scope.IMAGES_WRITE)
        change = _read_change(ImageFields((await read_object(request)).values))
        changed = await services.library.update(principal, named.image.id, change)
        urls = await services.delivery_urls.read(changed.image.owner_id)
        return success(image_resource(changed.image, urls))

    async def delete(self, request: Request) -> Response:
        """Remove it for good."""
        principal = await self.parts.account_caller(request)
        await self.parts.services.named_images.remove(principal, _read_name(request))
        return success({})

    async def blob(self, request: Request) -> "_Blob":
        """What was uploaded, byte for byte."""
        principal = await self.parts.account_caller(request)
        snapshot = await self.parts.services.named_images.get(principal, _read_name(request))
        if snapshot.image.is_draft:
            raise NotFound("The image's file has not come yet.")
        return _Blob(self.parts.pictures, make_blob_path(snapshot.image.id))


@dataclass(frozen=True, slots=True)
class _Blob:
    """Answers as the address of the bytes does, ranges and all."""

    pictures: ASGIApp
    path: str

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        moved = {**scope, "path": self.path, "raw_path": self.path.encode(), "root_path": "", "query_string": b""}
        await self.pictures(moved, receive, send)


def _read_name(request: Request) -> str:
    return read_name(request.path_params["image_id"])


def _read_change(fields: ImageFields) -> ImageChange:
    change = ImageChange()
    if "creator" in fields.values:
        change["creator"] = fields.text("creator")
    if {"metadata", "meta"} & fields.values.keys():
        change["metadata"] = fields.metadata
    visibility = fields.visibility
    if visibility is not None:
        change["visibility"] = visibility
    if not change:
        raise InvalidRequest("Send creator, metadata or requireSignedURLs.", details={"field": "body"})
    return change
