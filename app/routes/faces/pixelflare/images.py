"""PixelFlare's `/images`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from app.db.snapshots import ImageSnapshot
from app.domain.access import Scope, Visibility, require_account
from app.domain.listing import Position
from app.errors import InvalidRequest
from app.routes.answers import json_response
from app.routes.faces.face import make_route
from app.routes.faces.parts import FaceParts
from app.routes.faces.pixelflare.queries import read_filter, read_image_page, write_image_cursor
from app.routes.faces.pixelflare.resources import image_resource
from app.routes.json_bodies import Fields, read_object
from app.services.library.image_changes import ImageChange
from app.services.uploads.drafts import SessionRequest


@dataclass(frozen=True, slots=True)
class ImageRoutes:
    """Images by their short ids."""

    parts: FaceParts

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        one = "/images/{short_id}"
        return [
            make_route("/images", GET=self.list_page, POST=self.create),
            make_route(one, GET=self.get, PATCH=self.update, DELETE=self.delete),
            make_route(f"{one}/variants", POST=self.generate),
        ]

    async def list_page(self, request: Request) -> Response:
        """The caller's own, newest first, without drafts."""
        principal = await self.parts.caller(request)
        wanted, filter_ = read_image_page(request.query_params), read_filter(request.query_params)
        page = await self.parts.services.images.list_page(principal, wanted, filter_)
        last = page.snapshots[-1].image if page.has_more else None
        return json_response(
            {
                "data": [image_resource(snapshot, self.parts.addresses) for snapshot in page.snapshots],
                "next_cursor": write_image_cursor(Position(last.created_at, last.id)) if last is not None else None,
            }
        )

    async def create(self, request: Request) -> Response:
        """A draft, and the address that takes its bytes without any credential; an album that is not there is made."""
        principal = await self.parts.caller(request)
        # Guests have no part in this API, even where the server lets them in.
        require_account(principal, Scope.IMAGES_WRITE)
        wanted = _read_session_request(await read_object(request))
        (opened,) = await self.parts.services.uploads.open_sessions(principal, [wanted])
        snapshot = await self.parts.services.images.surround(opened.snapshot)
        upload_url = f"{self.parts.addresses.base_url}/upload/{opened.session.id}?token={opened.token}"
        resource = image_resource(snapshot, self.parts.addresses)
        return json_response({**resource, "upload_url": upload_url}, status=201)

    async def get(self, request: Request) -> Response:
        """One image, a draft or what is in the trash too."""
        principal = await self.parts.caller(request)
        snapshot = await self.parts.services.images.get_own_by_short_id(principal, request.path_params["short_id"])
        return json_response(image_resource(snapshot, self.parts.addresses))

    async def update(self, request: Request) -> Response:
        """Change what is named; null clears."""
        principal = await self.parts.caller(request)
        image_id = await self.parts.services.images.get_own_id(principal, request.path_params["short_id"])
        change = _read_change(await read_object(request))
        return await self._answer(await self.parts.services.library.update(principal, image_id, change))

    async def delete(self, request: Request) -> Response:
        """Into the trash, for 30 days."""
        principal = await self.parts.caller(request)
        image_id = await self.parts.services.images.get_own_id(principal, request.path_params["short_id"])
        batch = await self.parts.services.trash.delete(principal, [image_id], permanent=False)
        for error in batch.failed.values():
            raise error
        return Response(status_code=204)

    async def generate(self, request: Request) -> Response:
        """Have sizes made; the answer does not wait for them."""
        principal = await self.parts.caller(request)
        image_id = await self.parts.services.images.get_own_id(principal, request.path_params["short_id"])
        sizes = (await read_object(request)).texts("variants")
        if not sizes:
            raise InvalidRequest("variants must name at least one size.", details={"field": "variants"})
        snapshot = await self.parts.services.variants.generate_sizes(principal, image_id, sizes)
        return await self._answer(snapshot, status=202)

    async def _answer(self, snapshot: ImageSnapshot, *, status: int = 200) -> Response:
        surrounded = await self.parts.services.images.surround(snapshot)
        return json_response(image_resource(surrounded, self.parts.addresses), status=status)


def _read_session_request(fields: Fields) -> SessionRequest:
    # A proof of Turnstile may come along; this server asks for none.
    fields.text("turnstile_token")
    is_private = fields.flag("is_private")
    return SessionRequest(
        file_bytes=None,
        filename=fields.text("filename"),
        album_slug=fields.text("album"),
        makes_album=True,
        tags=tuple(fields.texts("tags") or ()),
        alt=fields.text("alt"),
        visibility=_VISIBILITIES[is_private] if is_private is not None else None,
    )


def _read_change(fields: Fields) -> ImageChange:
    readers: dict[str, tuple[str, Callable[[str], object]]] = {
        "filename": ("filename", fields.text),
        "album": ("album_slug", fields.text),
        "tags": ("tags", fields.texts),
        "alt": ("alt", fields.text),
    }
    change = {key: read(name) for name, (key, read) in readers.items() if name in fields}
    is_private = fields.flag("is_private")
    if is_private is not None:
        change["visibility"] = _VISIBILITIES[is_private]
    # Its keys are those of the change, and each was read as its type.
    return cast("ImageChange", change)


_VISIBILITIES = {True: Visibility.PRIVATE, False: Visibility.PUBLIC}
