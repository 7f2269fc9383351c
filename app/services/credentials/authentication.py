"""Who is behind the credential of a request, whichever kind it is."""

from app.domain.access import ANONYMOUS, Principal
from app.errors import Unauthorized
from app.ids import UPLOAD_TOKEN_PREFIX
from app.services.accounts.accounts import AccountService
from app.services.credentials.batch_tokens import BATCH_ISSUER, BatchTokenService
from app.services.credentials.foreign_tokens import ForeignTokenService, issuer_of
from app.services.credentials.sign_in import ISSUER, SignInService
from app.services.uploads.sessions import UploadService


class Authenticator:
    """Tells the kinds of credentials apart and asks the service that knows each."""

    def __init__(
        self,
        accounts: AccountService,
        uploads: UploadService,
        sign_in: SignInService,
        foreign_tokens: ForeignTokenService | None = None,
        *,
        batch_tokens: BatchTokenService | None = None,
    ) -> None:
        self._accounts = accounts
        self._uploads = uploads
        self._sign_in = sign_in
        self._foreign_tokens = foreign_tokens
        self._batch_tokens = batch_tokens

    async def authenticate(
        self, authorization: str | None, api_key: str | None, assertion: str | None = None
    ) -> Principal:
        """The caller behind `X-API-Key: …`, `Authorization: Bearer …`, or `Cf-Access-Jwt-Assertion: …`, in this order.

        Anonymous where there is none. The assertion counts where an issuer is configured: a proxy adds it to every
        request, and it must not keep anyone out of a server that does not know it.

        Raises:
            Unauthorized: there is a credential, and it is not good.
        """
        if api_key is not None and api_key.strip():
            return await self._accounts.authenticate(api_key.strip())
        if authorization is not None and authorization.strip():
            return await self._authenticate_bearer(authorization.strip())
        if assertion is not None and assertion.strip() and self._foreign_tokens is not None:
            return await self._foreign_tokens.authenticate(assertion.strip())
        return ANONYMOUS

    async def _authenticate_bearer(self, authorization: str) -> Principal:
        scheme, _, rest = authorization.partition(" ")
        secret = rest.strip()
        if scheme.lower() != "bearer" or not secret:
            raise Unauthorized("Send the credential as `Authorization: Bearer <key>`.")
        if secret.startswith(UPLOAD_TOKEN_PREFIX):
            principal, _session = await self._uploads.authenticate(secret)
            return principal
        # No key of ours has a dot; every JSON Web Token has two.
        if secret.count(".") == 2:
            return await self._authenticate_token(secret)
        return await self._accounts.authenticate(secret)

    async def _authenticate_token(self, token: str) -> Principal:
        issuer = issuer_of(token)
        if self._batch_tokens is not None and issuer == BATCH_ISSUER:
            return await self._batch_tokens.authenticate(token)
        if self._foreign_tokens is not None and issuer != ISSUER:
            return await self._foreign_tokens.authenticate(token)
        return await self._sign_in.authenticate(token)
