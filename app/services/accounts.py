"""Accounts and their credentials: the first account, who a key belongs to, what an account has and may."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.db.accounts import (
    count_accounts,
    find_account,
    find_accounts,
    find_key_by_hash,
    insert_account,
    insert_api_key,
    last_key_use,
    touch_key,
)
from app.db.engine import Database, utc_now
from app.db.images import usage_of
from app.db.records import AccountRecord, ApiKeyRecord
from app.db.uploads import reserved_by
from app.domain.access import Principal, Scope, Visibility, require_account
from app.domain.policy import Plan, ThumbnailPreferences, plan_named
from app.domain.variants import MetadataPolicy
from app.errors import Unauthorized
from app.ids import (
    SHOWN_PREFIX_CHARACTERS,
    AccountId,
    hash_secret,
    make_account_hash,
    make_api_key,
    make_uuid,
)

ACTIVE = "active"
FIRST_USERNAME = "admin"
# A revoked key stops working within a second on every process; until then a look-up is saved for every request.
_CREDENTIAL_TTL_S = 0.8
_MAX_CACHED_CREDENTIALS = 10_000
_NOTE_USE_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Preferences:
    """What an account's new images get where the request says nothing."""

    thumbnails: ThumbnailPreferences = field(default_factory=ThumbnailPreferences)
    nsfw_default: bool = False
    visibility_default: Visibility = Visibility.PUBLIC
    metadata_default: MetadataPolicy = MetadataPolicy.NONE
    flexible_variants: bool = False
    browser_ttl_s: int = 172_800


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account has: images and bytes kept, and bytes that open sessions may still bring."""

    images: int
    stored_bytes: int
    open_sessions: int
    reserved_bytes: int


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account with its plan and what it uses."""

    account: AccountRecord
    plan: Plan
    preferences: Preferences
    usage: Usage
    last_key_use_at: datetime | None


@dataclass(frozen=True, slots=True)
class FirstKey:
    """The first account's API key, in clear this once."""

    username: str
    secret: str


class AccountService:
    """Answers who calls and what they have."""

    def __init__(self, database: Database, *, max_upload_bytes: int) -> None:
        self._database = database
        self._max_upload_bytes = max_upload_bytes
        self._known: dict[str, tuple[float, ApiKeyRecord, AccountRecord]] = {}

    def plan_of(self, account: AccountRecord) -> Plan:
        """What this account may do on this server."""
        return plan_named(account.plan, max_upload_bytes=self._max_upload_bytes)

    async def create_first(self, *, bootstrap_key: str | None) -> FirstKey | None:
        """Make the account `admin` with plan `owner` and one API key, where there is no account; None where there is.

        Two processes that start at once make one account: its name is unique, and the second finds it there.
        """
        secret = bootstrap_key or make_api_key()
        now = utc_now()
        account_id = AccountId(make_uuid())
        async with self._database.write() as db:
            if await count_accounts(db):
                return None
            await insert_account(db, _first_account(account_id, now))
            await insert_api_key(db, _first_key(account_id, secret, now))
        return FirstKey(FIRST_USERNAME, secret)

    async def authenticate(self, secret: str) -> Principal:
        """The account behind an API key.

        Raises:
            Unauthorized: there is none, or the key is revoked or expired, or its account disabled.
        """
        found = await self._find_key(hash_secret(secret))
        if found is None or not _is_good(*found, now=utc_now()):
            raise Unauthorized("This API key is unknown, revoked or expired. Send another one.")
        key, account = found
        return Principal(account.id, frozenset(Scope(scope) for scope in key.scopes), key.id)

    async def view(self, principal: Principal) -> AccountView:
        """The caller's own account. Needs the scope ACCOUNT_READ."""
        account_id = require_account(principal, Scope.ACCOUNT_READ)
        async with self._database.read() as db:
            account = await find_account(db, account_id)
            if account is None:
                raise Unauthorized("This account is gone.")
            images, stored_bytes = await usage_of(db, account_id)
            usage = Usage(images, stored_bytes, *await reserved_by(db, account_id))
            used_at = await last_key_use(db, account_id)
        return AccountView(account, self.plan_of(account), preferences_of(account), usage, used_at)

    async def get_many(self, account_ids: Iterable[AccountId]) -> dict[AccountId, AccountRecord]:
        """Those of these accounts that exist."""
        async with self._database.read() as db:
            return await find_accounts(db, list(account_ids))

    async def _find_key(self, secret_hash: str) -> tuple[ApiKeyRecord, AccountRecord] | None:
        known = self._known.get(secret_hash)
        if known is not None and time.monotonic() - known[0] < _CREDENTIAL_TTL_S:
            return known[1], known[2]
        async with self._database.read() as db:
            found = await find_key_by_hash(db, secret_hash)
        if found is None:
            self._known.pop(secret_hash, None)
            return None
        if len(self._known) >= _MAX_CACHED_CREDENTIALS:
            self._known.clear()
        self._known[secret_hash] = (time.monotonic(), *found)
        await self._note_use(found[0])
        return found

    async def _note_use(self, key: ApiKeyRecord) -> None:
        now = utc_now()
        not_since = now - _NOTE_USE_EVERY
        if key.last_used_at is None or key.last_used_at < not_since:
            async with self._database.write() as db:
                await touch_key(db, key.id, now=now, not_since=not_since)


def preferences_of(account: AccountRecord) -> Preferences:
    """What the account chose, with the defaults where it chose nothing."""
    kept = account.preferences
    return Preferences(
        thumbnails=ThumbnailPreferences(
            original=bool(kept.get("thumbnail_original", True)),
            webp=bool(kept.get("thumbnail_webp", True)),
            avif=bool(kept.get("thumbnail_avif", True)),
        ),
        nsfw_default=bool(kept.get("nsfw_default", False)),
        visibility_default=Visibility(str(kept.get("visibility_default", Visibility.PUBLIC))),
        metadata_default=MetadataPolicy(str(kept.get("metadata_default", MetadataPolicy.NONE))),
        flexible_variants=bool(kept.get("flexible_variants", False)),
        browser_ttl_s=int(str(kept.get("browser_ttl_s", 172_800))),
    )


def _is_good(key: ApiKeyRecord, account: AccountRecord, *, now: datetime) -> bool:
    is_expired = key.expires_at is not None and key.expires_at <= now
    return key.revoked_at is None and not is_expired and account.status == ACTIVE


def _first_account(account_id: AccountId, now: datetime) -> dict[str, object]:
    return {
        "id": account_id,
        "username": FIRST_USERNAME,
        "display_name": None,
        "email": None,
        "status": ACTIVE,
        "plan": "owner",
        "account_hash": make_account_hash(),
        "preferences": {},
        "created_at": now,
        "last_login_at": None,
    }


def _first_key(account_id: AccountId, secret: str, now: datetime) -> dict[str, object]:
    return {
        "id": make_uuid(),
        "account_id": account_id,
        "name": "first key",
        "prefix": secret[:SHOWN_PREFIX_CHARACTERS],
        "secret_hash": hash_secret(secret),
        "scopes": [scope.value for scope in Scope],
        "created_at": now,
        "last_used_at": None,
        "expires_at": None,
        "revoked_at": None,
    }
