"""PixelFlare's `/keys`."""

from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from app.domain.access import Scope
from app.errors import InvalidRequest, NotFound
from app.ids import ApiKeyId, KeyStyle, parse_uuid
from app.routes.answers import json_response
from app.routes.faces.face import make_route
from app.routes.faces.parts import FaceParts
from app.routes.faces.pixelflare.resources import KEY_PREFIX, key_resource
from app.routes.json_bodies import Fields, read_object


@dataclass(frozen=True, slots=True)
class KeyRoutes:
    """API keys; those that are made here look like PixelFlare's."""

    parts: FaceParts

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        return [
            make_route("/keys", GET=self.list_all, POST=self.create),
            make_route("/keys/{key_id}", DELETE=self.revoke),
        ]

    async def list_all(self, request: Request) -> Response:
        """The caller's keys that are not revoked, without their values."""
        principal = await self.parts.caller(request)
        keys = await self.parts.services.api_keys.list_own(principal)
        return json_response({"data": [key_resource(key) for key in keys if key.revoked_at is None]})

    async def create(self, request: Request) -> Response:
        """A new key; its value is told this once."""
        principal = await self.parts.caller(request)
        fields = await read_object(request)
        made = await self.parts.services.api_keys.create(
            principal,
            name=fields.text("name") or "",
            scopes=_read_scopes(fields),
            expires_at=_read_moment(fields),
            style=KeyStyle.PIXELFLARE,
        )
        return json_response(key_resource(made.record, made.secret), status=201)

    async def revoke(self, request: Request) -> Response:
        """End a key."""
        principal = await self.parts.caller(request)
        await self.parts.services.api_keys.revoke(principal, _read_key_id(request.path_params["key_id"]))
        return Response(status_code=204)


def _read_scopes(fields: Fields) -> list[Scope]:
    known = {scope.value: scope for scope in Scope}
    names = fields.texts("scopes") or []
    unknown = [name for name in names if name not in known]
    if unknown:
        message = f"There is no scope called {unknown[0][:64]!r}."
        raise InvalidRequest(message, details={"field": "scopes", "allowed": list(known)})
    return [known[name] for name in names]


def _read_moment(fields: Fields) -> datetime | None:
    text = fields.text("expires_at")
    if text is None:
        return None
    refusal = InvalidRequest("expires_at must be a moment like 2030-01-01T00:00:00Z.", details={"field": "expires_at"})
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise refusal
        # Near either end of the calendar a moment may have no name in UTC.
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise refusal from error


def _read_key_id(text: str) -> ApiKeyId:
    # As it is told, or as the rest of the house writes it.
    digits = text.removeprefix(KEY_PREFIX)
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]) if len(digits) == 32 else (digits,)
    found = parse_uuid("-".join(parts))
    if found is None:
        raise NotFound("There is no such API key.")
    return ApiKeyId(found)
