"""PixelFox's `/user/profile`; and `/albums`, our own, where the numbers of albums are to be had."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app.domain.variants import Family
from app.routes.answers import json_response
from app.routes.faces.parts import FaceParts
from app.routes.moments import to_second
from app.services.accounts.accounts import AccountView

MAX_ALBUMS: Final = 1_000
"""PixelFox knows no pages; the newest are listed."""
# Those that this API has names for, in its order.
_FORMATS = (Family.ORIGINAL, Family.WEBP, Family.AVIF)


@dataclass(frozen=True, slots=True)
class ProfileRoutes:
    """Who calls, and what is theirs."""

    parts: FaceParts

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        return [
            Route("/user/profile", self.profile, methods=["GET"]),
            Route("/albums", self.list_albums, methods=["GET"]),
        ]

    async def profile(self, request: Request) -> Response:
        """The caller's account with its limits and what it uses."""
        view = await self.parts.services.accounts.view(await self.parts.caller(request))
        numbers = await self.parts.services.numbers.number([view.account.id])
        return json_response(_describe(view, number=numbers[view.account.id]))

    async def list_albums(self, request: Request) -> Response:
        """The caller's albums, newest first, each with the number that `album_id` takes."""
        principal = await self.parts.caller(request)
        page = await self.parts.services.albums.list_page(principal, limit=MAX_ALBUMS, beyond=None, is_backward=False)
        numbers = await self.parts.services.numbers.number([album.id for album in page.albums])
        albums = [{"id": numbers[album.id], "slug": album.slug, "title": album.title} for album in page.albums]
        return json_response({"albums": albums})


def _describe(view: AccountView, *, number: int) -> dict[str, object]:
    account, login_at, used_at = view.account, view.account.last_login_at, view.last_key_use_at
    return {
        "id": number,
        "username": account.username,
        # A string in every answer of PixelFox, so that typed clients expect one.
        "email": account.email or "",
        "status": account.status,
        "plan": account.plan,
        "created_at": to_second(account.created_at),
        "last_login_at": to_second(login_at) if login_at is not None else None,
        "api_key_last_used_at": to_second(used_at) if used_at is not None else None,
        "stats": _stats(view),
        "limits": _limits(view),
        "preferences": _preferences(view),
    }


def _stats(view: AccountView) -> dict[str, object]:
    images = {
        "count": view.usage.images,
        "storage_used_bytes": view.used_bytes,
        "storage_remaining_bytes": view.remaining_bytes,
    }
    return {"images": images, "albums": {"count": view.usage.albums}}


def _limits(view: AccountView) -> dict[str, object]:
    plan = view.plan
    return {
        "max_upload_bytes": plan.max_upload_bytes,
        "storage_quota_bytes": plan.storage_quota_bytes,
        "can_multi_upload": plan.can_multi_upload,
        "image_upload_enabled": plan.image_upload_enabled,
        "direct_upload_enabled": plan.direct_upload_enabled,
        "allowed_thumbnail_formats": [family.value for family in _FORMATS if family in plan.allowed_families],
    }


def _preferences(view: AccountView) -> dict[str, object]:
    chosen = view.preferences.thumbnails
    return {
        "thumbnail_original": chosen.original,
        "thumbnail_webp": chosen.webp,
        "thumbnail_avif": chosen.avif,
    }
