"""Slink's Images API below `/api` (reference: slink-images-api); the pictures themselves are at `/image/`."""

from starlette.routing import Mount, Route

from app.routes.faces.face import make_face, make_route
from app.routes.faces.parts import FaceParts
from app.routes.faces.slink.images import SlinkImages
from app.routes.faces.slink.lists import SlinkLists
from app.routes.faces.slink.uploads import SlinkUploads
from app.routes.faces.slink.words import tell

UPLOAD_METHODS = ["POST", "PUT"]


def make_slink(parts: FaceParts) -> Mount:
    """Everything that Slink has below `/api`."""
    uploads, lists, images = SlinkUploads(parts), SlinkLists(parts), SlinkImages(parts)
    routes = [
        Route("/upload", uploads.own, methods=UPLOAD_METHODS),
        Route("/guest/upload", uploads.guest, methods=UPLOAD_METHODS),
        Route("/external/upload", uploads.external, methods=UPLOAD_METHODS),
        Route("/image/{id}/detail", images.detail, methods=["GET"]),
        make_route("/image/{name}", GET=images.picture, PATCH=images.change, DELETE=images.delete),
        Route("/images", lists.by_ids, methods=["GET"]),
        Route("/images/history/{page}", lists.history, methods=["GET"]),
        Route("/images/{page}", lists.page, methods=["GET"]),
    ]
    return make_face("/api", routes, tell)
