"""PixelFlare's API below `/v1`: docs/faces/pixelflare.md."""

from starlette.routing import BaseRoute

from app.routes.faces.face import make_face
from app.routes.faces.parts import FaceParts
from app.routes.faces.pixelflare.albums import AlbumRoutes
from app.routes.faces.pixelflare.errors import tell
from app.routes.faces.pixelflare.images import ImageRoutes
from app.routes.faces.pixelflare.keys import KeyRoutes


def make_pixelflare(parts: FaceParts) -> BaseRoute:
    """The face as a whole."""
    routes = [*ImageRoutes(parts).routes(), *AlbumRoutes(parts).routes(), *KeyRoutes(parts).routes()]
    return make_face("/v1", routes, tell)
