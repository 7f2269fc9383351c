"""GET /oembed: oEmbed 1.0 (https://oembed.com), type photo, in JSON or XML."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.sax.saxutils import escape as escape_xml

from starlette.requests import Request
from starlette.responses import Response

from app.domain.addresses import Address, PrettyAddress, ShortAddress, parse_address
from app.domain.links import StablePath
from app.domain.texts import is_text
from app.errors import InvalidRequest, NotFound
from app.routes.answers import json_response
from app.routes.hosts import PictureHosts
from app.routes.view_head import SITE_NAME, author_of, title_of
from app.services.delivery.responsive import Photo, plan_photo
from app.services.delivery.showing import ShowingService, Shown

CACHE_AGE_S = 300
"""How long consumers may believe an answer; a picture that is taken back is gone at once all the same."""
MAX_URL_CHARACTERS = 4_096
_THUMBNAIL_PX = 256
_NOT_OURS = "No picture that everybody may see is at this address."


class FormatNotSupported(InvalidRequest):
    """The consumer wants neither JSON nor XML."""

    status = 501


@dataclass(frozen=True, slots=True)
class OEmbed:
    """Says how a picture of ours is embedded elsewhere."""

    showing: ShowingService
    hosts: PictureHosts
    base_url: str

    async def __call__(self, request: Request) -> Response:
        """The description of what `url` shows to everybody.

        Raises:
            InvalidRequest: a parameter cannot be.
            NotFound: `url` is none of ours, or shows nothing to everybody.
        """
        asked = request.query_params
        format_ = asked.get("format", "json")
        if format_ not in {"json", "xml"}:
            raise FormatNotSupported("format must be json or xml.", details={"field": "format"})
        max_width_px, max_height_px = (_read_side(asked.get(name), name) for name in ("maxwidth", "maxheight"))
        shown = await self._find(self._read_url(asked.get("url")))
        photo = plan_photo(shown.linker, max_width_px=max_width_px, max_height_px=max_height_px)
        if photo is None:
            raise NotFound(_NOT_OURS)
        answer = _describe(shown, photo, self.base_url)
        response = json_response(answer) if format_ == "json" else _xml_response(answer)
        response.headers["cache-control"] = f"public, max-age={CACHE_AGE_S}"
        response.headers["access-control-allow-origin"] = "*"
        return response

    async def _find(self, address: Address) -> Shown:
        try:
            return await self.showing.show_public(address)
        except NotFound as error:
            # One answer for all: another message would tell private images from missing ones.
            raise NotFound(_NOT_OURS) from error

    def _read_url(self, url: str | None) -> Address:
        if url is None or not url:
            raise InvalidRequest("url is missing: the address of a picture or of its page.", details={"field": "url"})
        missing = NotFound(_NOT_OURS)
        if len(url) > MAX_URL_CHARACTERS or not is_text(url):
            raise missing
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise missing from error
        if parts.scheme not in {"http", "https"}:
            raise missing
        found = (parse_address(parts.path, root) for root in self.hosts.roots_of(parts.netloc.rpartition("@")[2]))
        address = next((each for each in found if each is not None), None)
        if not isinstance(address, StablePath | ShortAddress | PrettyAddress):
            raise missing
        return address


def _read_side(text: str | None, field: str) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text) > 0):
        raise InvalidRequest(f"{field} must be a whole number of pixels above 0.", details={"field": field})
    return int(text)


def _describe(shown: Shown, photo: Photo, base_url: str) -> dict[str, object]:
    thumbnail = plan_photo(shown.linker, max_width_px=_THUMBNAIL_PX, max_height_px=_THUMBNAIL_PX)
    # Never larger than the photo itself, which was asked for to be small.
    if thumbnail is None or thumbnail.width_px > photo.width_px:
        thumbnail = photo
    return {
        "version": "1.0",
        "type": "photo",
        "title": title_of(shown),
        "author_name": author_of(shown),
        "provider_name": SITE_NAME,
        "provider_url": base_url,
        "cache_age": CACHE_AGE_S,
        "thumbnail_url": thumbnail.url,
        "thumbnail_width": thumbnail.width_px,
        "thumbnail_height": thumbnail.height_px,
        "url": photo.url,
        "width": photo.width_px,
        "height": photo.height_px,
        "web_page": shown.linker.page(),
    }


def _xml_response(answer: Mapping[str, object]) -> Response:
    # XML 1.0 has no way at all to say most control characters.
    fields = "".join(f"<{name}>{escape_xml(_printable(str(value)))}</{name}>" for name, value in answer.items())
    text = f'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n<oembed>{fields}</oembed>\n'
    return Response(text, media_type="text/xml")


def _printable(text: str) -> str:
    return "".join(sign for sign in text if sign >= " " or sign in "\t\n\r")
