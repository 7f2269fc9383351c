"""Lists of images: by pages (v1), or by a token that leads on (v2), which takes pages too."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.db.snapshots import ImageSnapshot
from app.domain.access import Principal, Scope, require_account
from app.domain.cursors import name_of, read_cursor, write_cursor
from app.domain.listing import Direction, ImageFilter, ImageOrder, Position
from app.domain.metadata_filters import read_metadata_tests
from app.domain.texts import MAX_CREATOR_CHARACTERS, check_text
from app.errors import InvalidRequest
from app.routes.faces.cloudflare.resources import image_resource
from app.routes.faces.cloudflare.words import success
from app.routes.faces.parts import FaceParts
from app.services.library.images import PageRequest

DEFAULT_PER_PAGE = 100
MAX_PER_PAGE = {"v1": 100, "v2": 1_000}
MAX_PAGE = 10_000
_DIRECTIONS = {"asc": Direction.ASC, "desc": Direction.DESC}


@dataclass(frozen=True, slots=True)
class CloudflareLists:
    """`GET …/images/v1` and `GET …/images/v2`."""

    parts: FaceParts

    async def pages(self, request: Request) -> Response:
        """v1, which says which page this is."""
        principal = await self.parts.account_caller(request)
        page = _read_page(request, version="v1")
        images, _ = await self._list(principal, request, page)
        number = page.skipped // page.limit + 1
        shown = {"page": number, "per_page": page.limit, "count": len(images)}
        return success({"images": images}, more={"result_info": shown})

    async def stretch(self, request: Request) -> Response:
        """v2, which says where the next stretch begins; null on the last."""
        principal = await self.parts.account_caller(request)
        page = _read_page(request, version="v2")
        images, last = await self._list(principal, request, page)
        token = None
        if last is not None:
            token = write_cursor(name_of(page.order), Position(last.image.created_at, last.image.id))
        return success({"images": images, "continuation_token": token})

    async def _list(
        self, principal: Principal, request: Request, page: PageRequest
    ) -> tuple[Sequence[object], ImageSnapshot | None]:
        """The images of a page, and the last of them where others follow."""
        owner_id = require_account(principal, Scope.IMAGES_READ)
        found = await self.parts.services.images.list_page(principal, page, _read_filter(request))
        urls = await self.parts.services.delivery_urls.read(owner_id)
        images = [image_resource(snapshot.image, urls) for snapshot in found.snapshots]
        return images, found.snapshots[-1] if found.has_more else None


def _read_page(request: Request, *, version: str) -> PageRequest:
    query = request.query_params
    direction = query.get("sort_order", "desc")
    if direction not in _DIRECTIONS:
        raise InvalidRequest("sort_order must be asc or desc.", details={"field": "sort_order"})
    order = ImageOrder(direction=_DIRECTIONS[direction])
    token = query.get("continuation_token") or None
    limit = _read_number(request, "per_page", default=DEFAULT_PER_PAGE, most=MAX_PER_PAGE[version])
    page = _read_number(request, "page", default=1, most=MAX_PAGE)
    return PageRequest(
        limit,
        order,
        read_cursor(token, "continuation_token", order, name_of(order)),
        wants_variants=False,
        wants_count=False,
        # The token says where to go on: whoever counts pages beside it is not led on twice.
        skipped=(page - 1) * limit if token is None else 0,
    )


def _read_filter(request: Request) -> ImageFilter:
    creator = request.query_params.get("creator")
    return ImageFilter(
        creator=check_text(creator or None, field="creator", max_characters=MAX_CREATOR_CHARACTERS),
        # An empty one asks for those that have none.
        has_no_creator=creator == "",
        metadata=read_metadata_tests(request.query_params.multi_items()),
    )


def _read_number(request: Request, name: str, *, default: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    # SDKs have numbers with a fraction: 50.0 is 50.
    digits = text.removesuffix(".0")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 9 and 1 <= int(digits) <= most):
        raise InvalidRequest(f"{name} must be a whole number between 1 and {most}.", details={"field": name})
    return int(digits)
