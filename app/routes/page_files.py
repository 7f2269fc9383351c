"""The files of our own pages: templates, and what pages load, each under a name that holds its hash."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import Response

from app.errors import NotFound

FOLDER = "/assets/"
_SOURCES = Path(__file__).parent / "pages"
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_WELL_KNOWN_AGE_S = 86_400
_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file that pages load."""

    path: str
    content: bytes
    media_type: str

    @staticmethod
    def read(name: str) -> "PageFile":
        """One of the files beside this module."""
        source = _SOURCES / name
        content = source.read_bytes()
        digest = hashlib.sha256(content).hexdigest()[:12]
        return PageFile(f"{FOLDER}{source.stem}-{digest}{source.suffix}", content, _MEDIA_TYPES[source.suffix])


def read_template(name: str) -> Template:
    """A page with gaps, each to be filled with what is escaped already."""
    return Template((_SOURCES / name).read_text(encoding="utf-8"))


VIEW_STYLE = PageFile.read("view.css")
VIEW_SCRIPT = PageFile.read("view.js")
LAMP = PageFile.read("lamp.svg")
_ROBOTS = PageFile.read("robots.txt")
_FILES = {file.path: file for file in (VIEW_STYLE, VIEW_SCRIPT, LAMP)}


async def page_file(request: Request) -> Response:
    """A file by its name; an old name names nothing."""
    found = _FILES.get(request.url.path)
    if found is None:
        raise NotFound("There is nothing at this address.")
    return Response(found.content, media_type=found.media_type, headers=_HEADERS)


async def favicon(_request: Request) -> Response:
    """What browsers ask of every server: our lamp, as an SVG."""
    return _at_fixed_address(LAMP)


async def robots(_request: Request) -> Response:
    """What search engines may look at."""
    return _at_fixed_address(_ROBOTS)


def _at_fixed_address(file: PageFile) -> Response:
    headers = {**_HEADERS, "Cache-Control": f"public, max-age={_WELL_KNOWN_AGE_S}"}
    return Response(file.content, media_type=file.media_type, headers=headers)
