"""Slink's lists: a page of images, the history, and images by their ids."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.domain.access import Scope, require_account
from app.errors import InvalidRequest
from app.ids import ImageId, parse_uuid
from app.routes.answers import json_response
from app.routes.faces.parts import FaceParts
from app.routes.faces.slink.listing import ListQuery, read_history, read_list, write_meta
from app.routes.faces.slink.resources import history_item, list_item

MAX_IDS = 100
"""Of one request by ids."""
_IDS = ("uuid[]", "uuid")


@dataclass(frozen=True, slots=True)
class SlinkLists:
    """Answers below `/api/images`. A list holds the caller's own images, public and private."""

    parts: FaceParts

    async def page(self, request: Request) -> Response:
        """GET `/api/images/{page}`."""
        return await self._list(request, read_list(request), has_cursors=True)

    async def history(self, request: Request) -> Response:
        """GET `/api/images/history/{page}`."""
        return await self._list(request, read_history(request), has_cursors=False)

    async def by_ids(self, request: Request) -> Response:
        """GET `/api/images?uuid[]=…`: in the order asked for; those that are not the caller's to see are left out."""
        principal = await self.parts.caller(request)
        require_account(principal, Scope.IMAGES_READ)
        image_ids = _read_ids(request)
        found = await self.parts.services.images.find_many(principal, image_ids)
        shown = [
            snapshot.image
            for image_id in image_ids
            if (snapshot := found.get(image_id)) is not None
            and not snapshot.image.is_draft
            and snapshot.image.deleted_at is None
        ]
        owners = await self.parts.services.accounts.get_many({image.owner_id for image in shown})
        return json_response([list_item(image, owners[image.owner_id], principal) for image in shown])

    async def _list(self, request: Request, query: ListQuery, *, has_cursors: bool) -> Response:
        principal = await self.parts.caller(request)
        account_id = require_account(principal, Scope.IMAGES_READ)
        owner = (await self.parts.services.accounts.get_many([account_id]))[account_id]
        page = await self.parts.services.images.list_page(principal, query.request, query.narrowed_to(owner))
        item = list_item if has_cursors else history_item
        data = [item(snapshot.image, owner, principal) for snapshot in page.snapshots]
        return json_response({"meta": write_meta(query, page, has_cursors=has_cursors), "data": data})


def _read_ids(request: Request) -> list[ImageId]:
    sent = dict.fromkeys(text for name in _IDS for text in request.query_params.getlist(name))
    if len(sent) > MAX_IDS:
        raise InvalidRequest(f"At most {MAX_IDS} ids can be given at once.", details={"field": "uuid"})
    return [ImageId(found) for text in sent if (found := parse_uuid(text)) is not None]
