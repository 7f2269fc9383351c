"""Who is behind the credential of a request, whichever kind it is."""

from app.domain.access import ANONYMOUS, Principal
from app.errors import Unauthorized
from app.ids import UPLOAD_TOKEN_PREFIX
from app.services.accounts import AccountService
from app.services.uploads import UploadService


class Authenticator:
    """Tells API keys from upload tokens and asks the service that knows them."""

    def __init__(self, accounts: AccountService, uploads: UploadService) -> None:
        self._accounts = accounts
        self._uploads = uploads

    async def authenticate(self, authorization: str | None, api_key: str | None) -> Principal:
        """The caller behind `Authorization: Bearer …` or `X-API-Key: …`; anonymous where there is neither.

        Raises:
            Unauthorized: there is a credential, and it is not good.
        """
        if api_key is not None and api_key.strip():
            return await self._accounts.authenticate(api_key.strip())
        if authorization is None or not authorization.strip():
            return ANONYMOUS
        scheme, _, secret = authorization.strip().partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise Unauthorized("Send the credential as `Authorization: Bearer <key>`.")
        if secret.strip().startswith(UPLOAD_TOKEN_PREFIX):
            principal, _session = await self._uploads.authenticate(secret.strip())
            return principal
        return await self._accounts.authenticate(secret.strip())
