"""PixelFlare's `/albums` and `/tags`."""

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from app.db.records import AlbumRecord
from app.domain.access import Principal, Scope
from app.domain.albums import AlbumDeletion
from app.domain.listing import Position
from app.errors import InvalidRequest
from app.ids import AlbumId
from app.routes.answers import json_response
from app.routes.faces.face import make_route
from app.routes.faces.parts import FaceParts
from app.routes.faces.pixelflare.queries import read_album_page, write_album_cursor
from app.routes.faces.pixelflare.resources import album_resource
from app.routes.json_bodies import Fields, read_object
from app.services.library.albums import AlbumChange


@dataclass(frozen=True, slots=True)
class AlbumRoutes:
    """Albums by their slugs, and tags."""

    parts: FaceParts

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        one = "/albums/{slug}"
        return [
            make_route("/albums", GET=self.list_page, POST=self.create),
            make_route(one, GET=self.get, PATCH=self.update, DELETE=self.delete),
            make_route("/tags", GET=self.list_tags),
        ]

    async def list_page(self, request: Request) -> Response:
        """The caller's own, newest first."""
        principal = await self.parts.caller(request)
        wanted = read_album_page(request.query_params)
        place = wanted.beyond
        # Albums are ordered by a moment, and so is every cursor of theirs.
        beyond = (place.value, AlbumId(place.row_id)) if place is not None else None
        albums = self.parts.services.albums
        page = await albums.list_page(principal, limit=wanted.limit, beyond=beyond, is_backward=False)  # type: ignore[arg-type]  # as said
        sizes = await albums.measure([album.id for album in page.albums])
        last = page.albums[-1] if page.has_more else None
        return json_response(
            {
                "data": [album_resource(album, sizes[album.id]) for album in page.albums],
                "next_cursor": write_album_cursor(Position(last.created_at, last.id)) if last is not None else None,
            }
        )

    async def create(self, request: Request) -> Response:
        """A new album."""
        principal = await self.parts.caller(request)
        fields = await read_object(request)
        slug = fields.text("slug")
        if slug is None:
            raise InvalidRequest("slug is missing.", details={"field": "slug"})
        album = await self.parts.services.albums.create(
            principal, slug=slug, title=fields.text("title"), description=fields.text("description")
        )
        return await self._answer(album, status=201)

    async def get(self, request: Request) -> Response:
        """One album."""
        principal = await self.parts.caller(request)
        return await self._answer(await self._find(request, principal, Scope.ALBUMS_READ))

    async def update(self, request: Request) -> Response:
        """Change what is named; addresses with an old slug lead to the new one."""
        principal = await self.parts.caller(request)
        album = await self._find(request, principal, Scope.ALBUMS_WRITE)
        change = _read_change(await read_object(request))
        return await self._answer(await self.parts.services.albums.update(principal, album.id, change))

    async def delete(self, request: Request) -> Response:
        """Its images stay, without an album."""
        principal = await self.parts.caller(request)
        album = await self._find(request, principal, Scope.ALBUMS_WRITE)
        await self.parts.services.albums.delete(principal, album.id, AlbumDeletion.KEEP_IMAGES)
        return Response(status_code=204)

    async def list_tags(self, request: Request) -> Response:
        """The caller's tags by name, each with how many images have it."""
        principal = await self.parts.caller(request)
        counted = await self.parts.services.albums.count_tags(principal, None)
        return json_response({"data": [{"tag": tag, "count": count} for tag, count in sorted(counted)]})

    async def _find(self, request: Request, principal: Principal, scope: Scope) -> AlbumRecord:
        return await self.parts.services.albums.get_by_slug(principal, request.path_params["slug"], scope=scope)

    async def _answer(self, album: AlbumRecord, *, status: int = 200) -> Response:
        sizes = await self.parts.services.albums.measure([album.id])
        return json_response(album_resource(album, sizes[album.id]), status=status)


def _read_change(fields: Fields) -> AlbumChange:
    change = {name: fields.text(name) for name in ("slug", "title", "description") if name in fields}
    return cast("AlbumChange", change)  # its keys are those of the change, and its values texts
