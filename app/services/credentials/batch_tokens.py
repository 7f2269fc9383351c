"""Batch tokens: for an hour, and for images alone, what the key is good for that asked for one."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from app.db.accounts import find_account
from app.db.credentials import find_account_of_chain, find_api_key
from app.db.engine import Database, utc_now
from app.db.records import ApiKeyRecord
from app.domain.access import Principal, Scope, require_account
from app.errors import Unauthorized
from app.ids import AccountId, ApiKeyId, parse_uuid
from app.services.accounts.accounts import ACTIVE

BATCH_ISSUER = "urn:safelight:batch"
BATCH_TTL = timedelta(hours=1)
_ALGORITHM = "HS256"
_SCOPES = (Scope.IMAGES_READ, Scope.IMAGES_WRITE)


@dataclass(frozen=True, slots=True)
class BatchToken:
    """A token, in clear this once."""

    token: str
    expires_at: datetime


class BatchTokenService:
    """Nothing is kept of a token: it ends with its hour, its key, its sign-in or its account."""

    def __init__(self, database: Database, *, secret: str) -> None:
        self._database = database
        # A key of its own, so that what else the secret signs is no batch token.
        self._key = hmac.new(secret.encode(), b"batch tokens", hashlib.sha256).digest()

    async def issue(self, principal: Principal) -> BatchToken:
        """A token for the caller's images, with those of the two scopes of images that the caller has.

        Needs the scope KEYS_WRITE, which no batch token has: none makes another.
        """
        account_id = require_account(principal, Scope.KEYS_WRITE)
        async with self._database.read() as db:
            account = await find_account(db, account_id)
        assert account is not None, "its credential was good just now"
        now = utc_now()
        expires_at = (now + BATCH_TTL).replace(microsecond=0)
        claims = {
            **{"iss": BATCH_ISSUER, "sub": str(account_id), "iat": now, "exp": expires_at},
            "key": str(principal.api_key_id) if principal.api_key_id is not None else None,
            "sid": str(principal.sign_in_id) if principal.sign_in_id is not None else None,
            "gen": account.credential_generation,
            "scopes": [scope.value for scope in _SCOPES if principal.has(scope)],
        }
        return BatchToken(jwt.encode(claims, self._key, algorithm=_ALGORITHM), expires_at)

    async def authenticate(self, token: str) -> Principal:
        """The account behind a batch token.

        Raises:
            Unauthorized: it is none of ours or too old, its key or sign-in has ended, or its account is disabled.
        """
        refusal = Unauthorized("This batch token is unknown or expired. Ask for another one.")
        try:
            options: jwt.types.Options = {"require": ["exp", "iat", "iss", "sub"]}
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM], issuer=BATCH_ISSUER, options=options)
        except jwt.InvalidTokenError as error:
            raise refusal from error
        account_id, key_id = parse_uuid(str(claims["sub"])), parse_uuid(str(claims["key"]))
        sign_in_id = parse_uuid(str(claims.get("sid")))
        assert account_id is not None, "it was signed here"
        async with self._database.read() as db:
            account = await find_account(db, AccountId(account_id))
            key = await find_api_key(db, ApiKeyId(key_id)) if key_id is not None else None
            is_signed_out = sign_in_id is not None and await find_account_of_chain(db, sign_in_id) is None
        is_over = key_id is not None and (key is None or _is_over(key))
        if account is None or account.status != ACTIVE or is_over or is_signed_out:
            raise refusal
        if claims.get("gen", 0) != account.credential_generation:
            raise refusal
        scopes = frozenset(Scope(scope) for scope in claims["scopes"])
        return Principal(account.id, scopes, ApiKeyId(key_id) if key_id is not None else None, plan=account.plan)


def _is_over(key: ApiKeyRecord) -> bool:
    return key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= utc_now())
