"""What the faces say of themselves, for /openapi.json."""

from app.routes.describing import Description
from app.routes.faces.cloudflare.description import DESCRIPTION as CLOUDFLARE
from app.routes.faces.pixelflare.description import DESCRIPTION as PIXELFLARE
from app.routes.faces.pixelfox.description import DESCRIPTION as PIXELFOX
from app.routes.faces.slink.description import DESCRIPTION as SLINK

FACES: tuple[Description, ...] = (PIXELFLARE, CLOUDFLARE, PIXELFOX, SLINK)
