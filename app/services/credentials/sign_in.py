"""Sign in with a name and a password: short access tokens, and refresh tokens that are each good once."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import jwt

from app.db.accounts import find_account, find_account_by_name, note_sign_in, update_account
from app.db.credentials import (
    delete_old_tokens,
    end_sign_ins_of,
    find_account_of_chain,
    find_refresh_token,
    hold_account_of_token,
    insert_refresh_token,
    revoke_chain,
    use_refresh_token,
)
from app.db.engine import Database, Transaction, utc_now
from app.db.records import AccountRecord
from app.domain.access import SIGNED_IN_SCOPES, Principal, Scope, require_account
from app.errors import InvalidRequest, Unauthorized
from app.ids import AccountId, derive_refresh_token, hash_secret, make_refresh_token, make_uuid, parse_uuid
from app.rate_limit import Rate, RateLimiter, client_address, counted_address
from app.services.accounts.accounts import ACTIVE, AccountService, AccountView
from app.services.accounts.passwords import MAX_CHARACTERS, Passwords
from app.services.accounts.recent import Recent

ACCESS_TTL = timedelta(minutes=15)
REFRESH_TTL = timedelta(days=30)
REUSE_GRACE = timedelta(seconds=10)
"""So long a spent refresh token gets its successor once more: two tabs refresh at once, or an answer is lost."""
ISSUER = "urn:safelight:sign-in"
_ALGORITHM = "HS256"
BY_ADDRESS = Rate("sign-in-address", 20, 60)
BY_NAME = Rate("sign-in-name", 10, 60)
"""Tries a minute; a person mistypes, a program guesses."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """An account's tokens, in clear this once."""

    access_token: str
    refresh_token: str
    expires_at: datetime
    """Of the access token."""
    principal: Principal
    view: AccountView


@dataclass(frozen=True, slots=True)
class _Tokens:
    access_token: str
    refresh_token: str
    expires_at: datetime
    principal: Principal


class SignInService:
    """Everything that comes of a password."""

    def __init__(self, database: Database, accounts: AccountService, limiter: RateLimiter, *, secret: str) -> None:
        self._database = database
        self._accounts = accounts
        self._limiter = limiter
        self._passwords = Passwords()
        # A key of its own, so that what else the secret signs is no access token.
        self._key = hmac.new(secret.encode(), b"access tokens", hashlib.sha256).digest()
        self._refresh_key = hmac.new(secret.encode(), b"refresh tokens", hashlib.sha256).digest()
        self._known: Recent[AccountRecord] = Recent()

    async def sign_in(self, username: str, password: str) -> SignIn:
        """Begin a chain of tokens.

        Raises:
            RateLimited: too many tries from this address, or with this name.
            Unauthorized: no active account has this name and this password; which of them is wrong is not told.
        """
        if len(password) > MAX_CHARACTERS or len(username) > MAX_CHARACTERS:
            raise InvalidRequest(f"At most {MAX_CHARACTERS} characters.", details={"field": "password"})
        name = username.strip().lower()
        await self._limiter.take(f"address:{counted_address(client_address.get())}", [BY_ADDRESS])
        await self._limiter.take(f"name:{hash_secret(name)[:32]}", [BY_NAME])
        account = await self._find_account(name)
        is_right = await self._passwords.verify(account.password_hash if account else None, password)
        if account is None or not is_right or account.status != ACTIVE:
            raise Unauthorized("There is no account with this name and this password.")
        return await self._begin(account, password)

    async def refresh(self, refresh_token: str) -> SignIn:
        """The next tokens of a chain; the one that is given is good no more.

        Within `REUSE_GRACE` it may come again, and gets the same successor, until that one has been used.

        Raises:
            Unauthorized: it is unknown or too old, or was used before: then everything of its chain has ended.
        """
        now = utc_now()
        async with self._database.write() as db:
            tokens = await self._refresh(db, refresh_token, now)
        if tokens is None:
            self._known.clear()
            raise Unauthorized("This refresh token is unknown, used or expired. Sign in again.")
        return await self._with_view(tokens)

    async def sign_out(self, principal: Principal) -> bool:
        """End the sign-in that the credential came of; False where it came of none.

        Raises:
            Unauthorized: nobody in particular asks.
        """
        if principal.account_id is None:
            raise Unauthorized("Send the access token as `Authorization: Bearer <token>`.")
        if principal.sign_in_id is None:
            return False
        async with self._database.write() as db:
            await revoke_chain(db, principal.sign_in_id, now=utc_now())
        self._known.clear()
        return True

    async def sign_out_everywhere(self, principal: Principal) -> bool:
        """End every sign-in and batch token of the caller's account. Needs the scope ACCOUNT_WRITE.

        API keys stay good, those that a sign-in made included: `safelight users sign-out` lists and revokes these.
        """
        account_id = require_account(principal, Scope.ACCOUNT_WRITE)
        async with self._database.write() as db:
            await end_sign_ins_of(db, account_id, now=utc_now())
        self._known.clear()
        return True

    async def authenticate(self, access_token: str) -> Principal:
        """The account behind an access token.

        Raises:
            Unauthorized: it is none of ours or too old, its sign-in was ended, or its account disabled.
        """
        refusal = Unauthorized("This access token is unknown or expired. Refresh it, or sign in again.")
        try:
            options: jwt.types.Options = {"require": ["exp", "iat", "iss", "sub", "sid"]}
            claims = jwt.decode(access_token, self._key, algorithms=[_ALGORITHM], issuer=ISSUER, options=options)
        except jwt.InvalidTokenError as error:
            raise refusal from error
        chain_id = parse_uuid(str(claims["sid"]))
        account = await self._find_account_of(chain_id) if chain_id is not None else None
        if account is None or account.status != ACTIVE or str(account.id) != claims["sub"]:
            raise refusal
        return _principal_of(account, chain_id)

    async def _find_account(self, name: str) -> AccountRecord | None:
        # What no account can be called is not looked for: a NUL is no text to PostgreSQL.
        if not name.isascii() or "\0" in name:
            return None
        async with self._database.read() as db:
            return await find_account_by_name(db, name)

    async def _find_account_of(self, chain_id: UUID) -> AccountRecord | None:
        known = self._known.find(str(chain_id))
        if known is not None:
            return known
        async with self._database.read() as db:
            account = await find_account_of_chain(db, chain_id)
        if account is not None:
            self._known.keep(str(chain_id), account)
        return account

    async def _begin(self, account: AccountRecord, password: str) -> SignIn:
        now = utc_now()
        kept = account.password_hash or ""
        rehashed = await self._passwords.hash(password) if self._passwords.needs_rehash(kept) else None
        async with self._database.write() as db:
            await note_sign_in(db, account.id, now=now)
            current = await find_account(db, account.id)
            if current is None or current.credential_generation != account.credential_generation:
                # The password that was verified has been replaced meanwhile.
                raise Unauthorized("There is no account with this name and this password.")
            if rehashed is not None:
                await update_account(db, account.id, {"password_hash": rehashed})
            await delete_old_tokens(db, account.id, now=now)
            tokens = await self._add_token(db, account, make_uuid(), make_refresh_token(), now)
        return await self._with_view(tokens)

    async def _refresh(self, db: Transaction, refresh_token: str, now: datetime) -> _Tokens | None:
        await hold_account_of_token(db, hash_secret(refresh_token))
        found = await find_refresh_token(db, hash_secret(refresh_token))
        if found is None:
            return None
        token, account = found
        if token.revoked_at is not None or token.expires_at <= now or account.status != ACTIVE:
            return None
        successor = self._successor_of(refresh_token)
        if token.used_at is None and await use_refresh_token(db, token.id, now=now):
            return await self._add_token(db, account, token.chain_id, successor, now)
        if token.used_at is not None and now - token.used_at <= REUSE_GRACE and await self._is_unused(db, successor):
            return self._tokens(account, token.chain_id, successor, now)
        # Two hold it, and one of them may be a thief.
        await revoke_chain(db, token.chain_id, now=now)
        return None

    def _successor_of(self, refresh_token: str) -> str:
        """The token that follows: derived, so that it can be given again although only its hash is stored."""
        return derive_refresh_token(self._refresh_key, refresh_token)

    @staticmethod
    async def _is_unused(db: Transaction, refresh_token: str) -> bool:
        found = await find_refresh_token(db, hash_secret(refresh_token))
        return found is not None and found[0].used_at is None and found[0].revoked_at is None

    async def _add_token(
        self, db: Transaction, account: AccountRecord, chain_id: UUID, refresh_token: str, now: datetime
    ) -> _Tokens:
        row = {
            "id": make_uuid(),
            "account_id": account.id,
            "chain_id": chain_id,
            "token_hash": hash_secret(refresh_token),
            "created_at": now,
            "expires_at": now + REFRESH_TTL,
        }
        await insert_refresh_token(db, row)
        return self._tokens(account, chain_id, refresh_token, now)

    def _tokens(self, account: AccountRecord, chain_id: UUID, refresh_token: str, now: datetime) -> _Tokens:
        expires_at = (now + ACCESS_TTL).replace(microsecond=0)
        claims = {"iss": ISSUER, "sub": str(account.id), "sid": str(chain_id), "iat": now, "exp": expires_at}
        access_token = jwt.encode(claims, self._key, algorithm=_ALGORITHM)
        return _Tokens(access_token, refresh_token, expires_at, _principal_of(account, chain_id))

    async def _with_view(self, tokens: _Tokens) -> SignIn:
        account_id: AccountId | None = tokens.principal.account_id
        assert account_id is not None, "tokens belong to an account"
        view = await self._accounts.view_own(account_id)
        return SignIn(tokens.access_token, tokens.refresh_token, tokens.expires_at, tokens.principal, view)


def _principal_of(account: AccountRecord, chain_id: UUID | None) -> Principal:
    return Principal(account.id, SIGNED_IN_SCOPES, plan=account.plan, sign_in_id=chain_id)
