"""PixelFox's API below `/api/v1`: docs/faces/pixelfox.md."""

from starlette.routing import BaseRoute

from app.routes.faces.face import make_face
from app.routes.faces.parts import FaceParts
from app.routes.faces.pixelfox.errors import tell
from app.routes.faces.pixelfox.images import ImageRoutes
from app.routes.faces.pixelfox.profile import ProfileRoutes
from app.routes.faces.pixelfox.uploads import UploadRoutes


def make_pixelfox(parts: FaceParts) -> BaseRoute:
    """The face as a whole."""
    routes = [*ProfileRoutes(parts).routes(), *UploadRoutes(parts).routes(), *ImageRoutes(parts).routes()]
    return make_face("/api/v1", routes, tell)
