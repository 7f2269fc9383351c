"""What every face is made of: the services behind it, and who calls."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp

from app.context import Addresses, ServerFacts, Services
from app.domain.access import Principal
from app.errors import Unauthorized
from app.routes.resources import ObjectURL
from app.services.uploads.at_once import AtOnceService
from app.services.uploads.form_uploads import FormUploadService
from app.services.uploads.reception import ReceptionService

Authenticate = Callable[[str | None, str | None, str | None], Awaitable[Principal]]
"""The caller behind `Authorization`, `X-API-Key` and `Cf-Access-Jwt-Assertion`."""


@dataclass(frozen=True, slots=True)
class FaceParts:
    """Given to each face when the server starts."""

    services: Services
    reception: ReceptionService
    at_once: AtOnceService
    form_uploads: FormUploadService
    authenticate: Authenticate
    addresses: Addresses
    server: ServerFacts
    object_url: ObjectURL
    pictures: ASGIApp
    """Answers the addresses of pictures (app.routes.pictures), for those that a face has under another name."""

    async def caller(self, request: Request) -> Principal:
        """Who sends a request; nobody in particular where it brings no credential.

        Raises:
            Unauthorized: it brings one, and that is not good.
        """
        headers = request.headers
        return await self.authenticate(
            headers.get("authorization"), headers.get("x-api-key"), headers.get("cf-access-jwt-assertion")
        )

    async def account_caller(self, request: Request) -> Principal:
        """Who sends a request to a face that lets no guests in: an account, before anything else is read.

        Raises:
            Unauthorized: it brings no credential of an account.
        """
        principal = await self.caller(request)
        if principal.account_id is None:
            raise Unauthorized("Send an API key as `Authorization: Bearer <key>`.")
        return principal
