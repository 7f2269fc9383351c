"""The faces of other systems: their users change a base URL, not their code."""

from starlette.routing import BaseRoute

from app.routes.faces.cloudflare.routes import make_cloudflare
from app.routes.faces.parts import FaceParts
from app.routes.faces.pixelflare.routes import make_pixelflare
from app.routes.faces.pixelfox.routes import make_pixelfox
from app.routes.faces.slink.routes import make_slink


def make_face_routes(parts: FaceParts) -> list[BaseRoute]:
    """Every face below its own prefix; where one prefix begins with another the longer comes first."""
    return [*make_cloudflare(parts), make_pixelflare(parts), make_pixelfox(parts), make_slink(parts)]
