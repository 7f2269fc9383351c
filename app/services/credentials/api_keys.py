"""API keys: make them, list them, revoke them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.db.accounts import find_account
from app.db.credentials import count_live_keys, find_api_key, insert_api_key, list_api_keys, revoke_key
from app.db.engine import Database, utc_now
from app.db.records import ApiKeyRecord
from app.domain.access import Principal, Scope, require_account
from app.domain.texts import check_text
from app.errors import Conflict, Forbidden, InvalidRequest, NotFound
from app.ids import AccountId, ApiKeyId, KeyStyle, make_api_key
from app.services.accounts.accounts import AccountService
from app.services.accounts.new_keys import MAX_LISTED_KEYS, new_key_row

MAX_NAME_CHARACTERS = 100
MAX_LIVE_KEYS = 100


@dataclass(frozen=True, slots=True)
class NewKey:
    """An API key, in clear this once."""

    record: ApiKeyRecord
    secret: str


class ApiKeyService:
    """Keys of the caller's own account."""

    def __init__(self, database: Database, accounts: AccountService) -> None:
        self._database = database
        self._accounts = accounts

    async def list_own(self, principal: Principal) -> list[ApiKeyRecord]:
        """The caller's keys, the newest first, revoked ones last. Needs the scope KEYS_READ."""
        account_id = require_account(principal, Scope.KEYS_READ)
        async with self._database.read() as db:
            return await list_api_keys(db, account_id, limit=MAX_LISTED_KEYS)

    async def find(self, principal: Principal, key_id: ApiKeyId) -> ApiKeyRecord | None:
        """A key of the caller's; None where there is none that the caller may see."""
        async with self._database.read() as db:
            key = await find_api_key(db, key_id)
        return key if key is not None and principal.owns(key.account_id, Scope.KEYS_READ) else None

    async def create(
        self,
        principal: Principal,
        *,
        name: str,
        scopes: Collection[Scope],
        expires_at: datetime | None,
        style: KeyStyle = KeyStyle.SAFELIGHT,
    ) -> NewKey:
        """Make a key with some of the caller's own scopes. Needs the scope KEYS_WRITE.

        Raises:
            Forbidden: it would have a scope that the caller lacks.
            InvalidRequest: the name, the scopes or the time cannot be.
            Conflict: the account has as many keys as it may.
        """
        account_id = require_account(principal, Scope.KEYS_WRITE)
        lacking = [scope for scope in Scope if scope in scopes and not principal.has(scope)]
        if lacking:
            message = f"This credential lacks the scope {lacking[0].value}, and cannot give it."
            raise Forbidden(message, details={"scope": lacking[0].value})
        sign_in_id = await self._find_sign_in(principal)
        return await self.create_for(
            account_id, name=name, scopes=scopes, expires_at=expires_at, style=style, sign_in_id=sign_in_id
        )

    async def _find_sign_in(self, principal: Principal) -> UUID | None:
        if principal.api_key_id is None:
            return principal.sign_in_id
        async with self._database.read() as db:
            parent = await find_api_key(db, principal.api_key_id)
        return parent.sign_in_id if parent is not None else None

    async def create_for(
        self,
        account_id: AccountId,
        *,
        name: str,
        scopes: Collection[Scope],
        expires_at: datetime | None,
        style: KeyStyle = KeyStyle.SAFELIGHT,
        sign_in_id: UUID | None = None,
    ) -> NewKey:
        """Make a key for an account, with any scopes: for the command line.

        Raises:
            InvalidRequest: the name, the scopes or the time cannot be.
            Conflict: the account has as many keys as it may.
        """
        now = utc_now()
        checked = check_text(name, field="name", max_characters=MAX_NAME_CHARACTERS, may_be_empty=False)
        if not scopes:
            raise InvalidRequest("A key needs at least one scope.", details={"field": "scopes"})
        if expires_at is not None and expires_at <= now:
            raise InvalidRequest("expiresAt must lie in the future.", details={"field": "expiresAt"})
        secret = make_api_key(style)
        row = new_key_row(
            account_id, checked or "", secret, scopes=scopes, now=now, expires_at=expires_at, sign_in_id=sign_in_id
        )
        async with self._database.write() as db:
            # Its row is held, so that the keys are counted by one at a time.
            account = await find_account(db, account_id, for_update=True)
            if account is not None and account.is_guest:
                raise InvalidRequest("The guests' account has no keys.", details={"field": "username"})
            if await count_live_keys(db, account_id) >= MAX_LIVE_KEYS:
                raise Conflict(f"An account may have at most {MAX_LIVE_KEYS} keys. Revoke one.")
            await insert_api_key(db, row)
            record = await find_api_key(db, ApiKeyId(row["id"]))  # type: ignore[arg-type]  # a UUID, made just now
        assert record is not None, "it was inserted just now"
        return NewKey(record, secret)

    async def revoke(self, principal: Principal, key_id: ApiKeyId) -> ApiKeyRecord:
        """End a key of the caller's, for good; one that was revoked stays as it is. Needs the scope KEYS_WRITE.

        Raises:
            NotFound: there is none of the caller's.
        """
        return await self.revoke_for(require_account(principal, Scope.KEYS_WRITE), key_id)

    async def revoke_for(self, account_id: AccountId, key_id: ApiKeyId) -> ApiKeyRecord:
        """End a key of an account.

        Raises:
            NotFound: it has none of this id.
        """
        async with self._database.write() as db:
            key = await find_api_key(db, key_id)
            if key is None or key.account_id != account_id:
                raise NotFound("There is no such API key.")
            await revoke_key(db, key_id, now=utc_now())
            revoked = await find_api_key(db, key_id)
        self._accounts.forget_keys()
        assert revoked is not None, "keys are never deleted"
        return revoked
