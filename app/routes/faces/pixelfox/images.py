"""PixelFox's `/images/{uuid}` and `/images/{uuid}/status`."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app.domain.access import Scope, require_account
from app.domain.links import make_view_path
from app.errors import NotFound
from app.ids import ImageId, parse_uuid
from app.routes.answers import json_response
from app.routes.faces.parts import FaceParts
from app.routes.resources import image_resource


@dataclass(frozen=True, slots=True)
class ImageRoutes:
    """Images by their UUIDs: the caller's own, and what is public."""

    parts: FaceParts

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        return [
            Route("/images/{uuid}/status", self.status, methods=["GET"]),
            Route("/images/{uuid}", self.get, methods=["GET"]),
        ]

    async def status(self, request: Request) -> Response:
        """Whether all is made, and whether something could not be; what failed is complete, too."""
        principal = await self.parts.caller(request)
        require_account(principal, Scope.IMAGES_READ)
        standing = await self.parts.services.watching.look(principal, _read_id(request))
        return json_response(
            {
                "complete": standing.is_complete,
                "failed": standing.is_failed,
                "view_url": make_view_path(standing.snapshot.image.short_id),
            }
        )

    async def get(self, request: Request) -> Response:
        """The resource as it is now."""
        principal = await self.parts.caller(request)
        require_account(principal, Scope.IMAGES_READ)
        images = self.parts.services.images
        found = await images.find(principal, _read_id(request))
        if found is None:
            raise NotFound("There is no such image.")
        snapshot = await images.surround(found)
        assert snapshot.owner is not None, "a foreign key holds it"
        is_own = principal.owns(snapshot.owner.id, Scope.IMAGES_READ)
        resource = image_resource(
            snapshot,
            self.parts.addresses,
            self.parts.object_url if is_own else None,
            owner_name=snapshot.owner.username,
            is_duplicate=False,
        )
        # Whether an upload was one is said in its answer alone.
        del resource["duplicate"]
        return json_response(resource)


def _read_id(request: Request) -> ImageId:
    found = parse_uuid(request.path_params["uuid"])
    if found is None:
        raise NotFound("There is no such image.")
    return ImageId(found)
