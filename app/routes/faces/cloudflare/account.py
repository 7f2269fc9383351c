"""What concerns the whole account: signing keys, usage, configuration, batch tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.errors import InvalidRequest
from app.routes.faces.cloudflare.paths import read_name
from app.routes.faces.cloudflare.words import success
from app.routes.faces.parts import FaceParts
from app.routes.json_bodies import read_object
from app.routes.moments import to_millisecond
from app.services.accounts.accounts import Preferences
from app.services.accounts.signing_keys import ShownSigningKey

UNLIMITED = 2**53 - 1
"""Allowed where the plan has no limit: the largest number that every JSON reader holds. Clients subtract from it."""


@dataclass(frozen=True, slots=True)
class CloudflareAccount:
    """`…/images/v1/` keys, stats, config and batch_token."""

    parts: FaceParts

    async def list_keys(self, request: Request) -> Response:
        """The signing keys; values in clear where the caller may also read images."""
        return _keys(await self.parts.services.signing_keys.list_own(await self.parts.account_caller(request)))

    async def put_key(self, request: Request) -> Response:
        """A new one, or a new value for one that is there; all of them."""
        principal = await self.parts.account_caller(request)
        return _keys(await self.parts.services.signing_keys.put(principal, _read_key_name(request)))

    async def delete_key(self, request: Request) -> Response:
        """One less; after the last there is a new `default`."""
        principal = await self.parts.account_caller(request)
        return _keys(await self.parts.services.signing_keys.delete(principal, _read_key_name(request)))

    async def stats(self, request: Request) -> Response:
        """How many images there are, and may be."""
        view = await self.parts.services.accounts.view(await self.parts.account_caller(request))
        allowed = view.plan.max_images if view.plan.max_images is not None else UNLIMITED
        return success({"count": {"allowed": allowed, "current": view.usage.images}})

    async def configure(self, request: Request) -> Response:
        """Turn free transformations on or off, and say how long browsers keep what they got."""
        principal = await self.parts.account_caller(request)
        fields = await read_object(request)
        if fields.flag("preserve_content_credentials"):
            details = {"field": "preserve_content_credentials"}
            raise InvalidRequest("preserve_content_credentials cannot be turned on here.", details=details)
        wanted = {"flexible_variants": fields.flag("flexible_variants"), "browser_ttl_s": fields.number("browser_ttl")}
        changes = {name: value for name, value in wanted.items() if value is not None}
        return success(_config((await self.parts.services.preferences.update(principal, changes)).preferences))

    async def batch_token(self, request: Request) -> Response:
        """A token for the batch host's routes."""
        issued = await self.parts.services.batch_tokens.issue(await self.parts.account_caller(request))
        return success({"token": issued.token, "expiresAt": to_millisecond(issued.expires_at)})


def _read_key_name(request: Request) -> str:
    return read_name(request.path_params["key_name"])


def _keys(keys: Sequence[ShownSigningKey]) -> Response:
    return success({"keys": [_key(key) for key in keys]})


def _key(key: ShownSigningKey) -> dict[str, str]:
    return {"name": key.name} if key.value is None else {"name": key.name, "value": key.value}


def _config(preferences: Preferences) -> dict[str, object]:
    return {
        "flexible_variants": preferences.flexible_variants,
        "browser_ttl": preferences.browser_ttl_s,
        "preserve_content_credentials": False,
    }
