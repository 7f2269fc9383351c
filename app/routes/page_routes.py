"""The pages about pictures, and what they load."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.routing import BaseRoute, Route

from app.routes.hosts import PictureHosts
from app.routes.oembed import OEmbed
from app.routes.page_files import FOLDER, favicon, page_file, robots
from app.routes.view_page import Authenticate, ViewPage
from app.services.delivery.showing import ShowingService


def make_page_routes(
    showing: ShowingService,
    authenticate: Authenticate,
    hosts: PictureHosts,
    *,
    base_url: str,
    picture_urls: Sequence[str],
) -> list[BaseRoute]:
    """Their routes; pictures may come from the origins of `picture_urls`."""
    origins = sorted({origin_of(url) for url in (base_url, *picture_urls)})
    view = ViewPage(showing, authenticate, base_url, origins)
    return [
        Route("/i/{short_id}", view.__call__, methods=["GET"]),
        Route("/oembed", OEmbed(showing, hosts, base_url).__call__, methods=["GET"]),
        Route(FOLDER + "{name}", page_file, methods=["GET"]),
        Route("/favicon.ico", favicon, methods=["GET"]),
        Route("/robots.txt", robots, methods=["GET"]),
    ]


def origin_of(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
