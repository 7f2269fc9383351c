"""Accounts: the first one, who a key belongs to, what an account has and may."""

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from app.db.accounts import (
    count_albums,
    find_account,
    find_account_by_name,
    find_accounts,
    find_guest_account,
    has_accounts,
    insert_account,
)
from app.db.credentials import find_key_by_hash, insert_api_key, insert_signing_key, last_key_use, touch_key
from app.db.engine import Database, Transaction, utc_now
from app.db.failures import RowConflict
from app.db.images import usage_of
from app.db.records import AccountRecord, ApiKeyRecord
from app.db.uploads import reserved_by
from app.domain.access import Principal, Scope, Visibility, require_account
from app.domain.plans import GUEST_PLAN, OWNER_PLAN, Plan, Plans
from app.domain.policy import ThumbnailPreferences
from app.domain.variants import MetadataPolicy
from app.errors import Unauthorized
from app.ids import AccountId, hash_secret, make_account_hash, make_api_key, make_signing_value, make_uuid
from app.services.accounts.new_keys import new_key_row
from app.services.accounts.recent import Recent

ACTIVE = "active"
DISABLED = "disabled"
FIRST_USERNAME = "admin"
GUEST_USERNAME = "guest"
DEFAULT_SIGNING_KEY = "default"
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
    albums: int
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

    @property
    def used_bytes(self) -> int:
        """What counts against the quota: what open sessions may still bring, too."""
        return self.usage.stored_bytes + self.usage.reserved_bytes

    @property
    def remaining_bytes(self) -> int | None:
        """What is left of the quota; None where there is none."""
        quota_bytes = self.plan.storage_quota_bytes
        return None if quota_bytes is None else max(0, quota_bytes - self.used_bytes)


@dataclass(frozen=True, slots=True)
class FirstKey:
    """The first account's API key, in clear this once."""

    username: str
    secret: str


class AccountService:
    """Answers who calls and what they have."""

    def __init__(self, database: Database, plans: Plans, *, lets_guests_in: bool = False) -> None:
        self.plans = plans
        self.lets_guests_in = lets_guests_in
        self._database = database
        self._known: Recent[tuple[ApiKeyRecord, AccountRecord]] = Recent()
        self._guests: Recent[AccountRecord] = Recent()

    def plan_of(self, account: AccountRecord) -> Plan:
        """What this account may do on this server."""
        return self.plans.get(account.plan)

    async def create_first(self, *, bootstrap_key: str | None) -> FirstKey | None:
        """Make the account `admin` with plan `owner` and one API key, where there is no account; None where there is.

        Two processes that start at once make one account: its name is unique, and the second finds it there.
        """
        secret = bootstrap_key or make_api_key()
        now = utc_now()
        async with self._database.write() as db:
            if await has_accounts(db):
                return None
            account_id = await add_account(db, username=FIRST_USERNAME, plan=OWNER_PLAN, now=now)
            await insert_api_key(db, new_key_row(account_id, "first key", secret, scopes=tuple(Scope), now=now))
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
        return Principal(account.id, _scopes_of(tuple(key.scopes)), key.id, plan=account.plan)

    async def find_guest(self) -> AccountRecord | None:
        """The account that uploads without a credential belong to; None where guests are not let in."""
        if not self.lets_guests_in:
            return None
        known = self._guests.find(GUEST_USERNAME)
        if known is not None:
            return known
        guest = await self._find_or_make_guest()
        self._guests.keep(GUEST_USERNAME, guest)
        return guest

    def forget_keys(self) -> None:
        """Look every key up again: for the process that has revoked one."""
        self._known.clear()

    async def view(self, principal: Principal) -> AccountView:
        """The caller's own account. Needs the scope ACCOUNT_READ."""
        account_id = require_account(principal, Scope.ACCOUNT_READ)
        return await self.view_own(account_id)

    async def view_own(self, account_id: AccountId) -> AccountView:
        """The account of somebody who has just proved that it is theirs."""
        async with self._database.read() as db:
            account = await find_account(db, account_id)
            if account is None:
                raise Unauthorized("This account is gone.")
            images, stored_bytes = await usage_of(db, account_id)
            reserved = await reserved_by(db, account_id, now=utc_now())
            usage = Usage(images, await count_albums(db, account_id), stored_bytes, *reserved)
            used_at = await last_key_use(db, account_id)
        return AccountView(account, self.plan_of(account), preferences_of(account), usage, used_at)

    async def get_many(self, account_ids: Iterable[AccountId]) -> dict[AccountId, AccountRecord]:
        """Those of these accounts that exist."""
        async with self._database.read() as db:
            return await find_accounts(db, list(account_ids))

    async def _find_key(self, secret_hash: str) -> tuple[ApiKeyRecord, AccountRecord] | None:
        known = self._known.find(secret_hash)
        if known is not None:
            return known
        async with self._database.read() as db:
            found = await find_key_by_hash(db, secret_hash)
        if found is not None:
            self._known.keep(secret_hash, found)
            await self._note_use(found[0])
        return found

    async def _note_use(self, key: ApiKeyRecord) -> None:
        now = utc_now()
        not_since = now - _NOTE_USE_EVERY
        if key.last_used_at is None or key.last_used_at < not_since:
            async with self._database.write() as db:
                await touch_key(db, key.id, now=now, not_since=not_since)

    async def _find_or_make_guest(self) -> AccountRecord:
        for name in _guest_names():
            async with self._database.read() as db:
                found = await find_guest_account(db)
                is_taken = found is None and await find_account_by_name(db, name) is not None
            if found is not None:
                return found
            if is_taken:
                continue
            # Another process may make it in the same moment, or another account of this name.
            with contextlib.suppress(RowConflict):
                async with self._database.write() as db:
                    guest = {"is_guest": True}
                    await add_account(db, username=name, plan=GUEST_PLAN, now=utc_now(), values=guest)
            async with self._database.read() as db:
                made = await find_guest_account(db)
            if made is not None:
                return made
        raise AssertionError("names do not end")


def _guest_names() -> Iterator[str]:
    yield GUEST_USERNAME
    for number in itertools.count(1):
        yield f"{GUEST_USERNAME}-{number}"


async def add_account(
    db: Transaction, *, username: str, plan: str, now: datetime, values: Mapping[str, object] | None = None
) -> AccountId:
    """Add an account with its first signing key; `values` are columns beside the usual ones.

    Raises:
        RowConflict: at the commit, where the name is taken.
    """
    account_id = AccountId(make_uuid())
    row: dict[str, object] = {
        "id": account_id,
        "username": username,
        "status": ACTIVE,
        "plan": plan,
        "account_hash": make_account_hash(),
        "preferences": {},
        "created_at": now,
    }
    await insert_account(db, row | dict(values or {}))
    await insert_signing_key(db, new_signing_key_row(account_id, DEFAULT_SIGNING_KEY, now))
    return account_id


def new_signing_key_row(owner_id: AccountId, name: str, now: datetime) -> dict[str, object]:
    """A signing key with a new value."""
    return {
        "id": make_uuid(),
        "owner_id": owner_id,
        "name": name,
        "value": make_signing_value(),
        "created_at": now,
    }


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


@lru_cache(maxsize=256)
def _scopes_of(names: tuple[str, ...]) -> frozenset[Scope]:
    # One object for all who hold the same: thousands of sockets may.
    return frozenset(Scope(name) for name in names)
