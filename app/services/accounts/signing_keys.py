"""Signing keys: list, rotate, delete; there is at least one, always. And addresses that they sign."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.db.accounts import find_account
from app.db.credentials import delete_signing_key, insert_signing_key, list_signing_keys, rotate_signing_key
from app.db.engine import Database, Transaction, utc_now
from app.db.records import SigningKeyRecord
from app.domain.access import Principal, Scope, require_account
from app.domain.signatures import sign
from app.errors import Conflict, InvalidRequest, NotFound
from app.ids import AccountId, make_signing_value
from app.services.accounts.accounts import DEFAULT_SIGNING_KEY, new_signing_key_row

MAX_SIGNING_KEYS = 20
MAX_SIGNED_S = 31_536_000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,99}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SignedPath:
    """A path that opens what is private, for a time."""

    path: str
    """With its query."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ShownSigningKey:
    """A signing key as far as a credential may read it."""

    name: str
    value: str | None
    """None where the credential may not read it."""
    created_at: datetime


class SigningKeyService:
    """Keys of the caller's own account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_own(self, principal: Principal) -> list[ShownSigningKey]:
        """The caller's signing keys, the oldest first. Needs the scope KEYS_READ; values need IMAGES_READ too."""
        owner_id = require_account(principal, Scope.KEYS_READ)
        return _shown(principal, (await self.get_many([owner_id]))[owner_id])

    async def get_many(self, owner_ids: Sequence[AccountId]) -> dict[AccountId, list[SigningKeyRecord]]:
        """The signing keys of these accounts; one that has none gets one."""
        async with self._database.read() as db:
            found = await list_signing_keys(db, owner_ids)
        for owner_id in [owner_id for owner_id, keys in found.items() if not keys]:
            async with self._database.write() as db:
                found[owner_id] = await _with_default(db, owner_id)
        return found

    async def put(self, principal: Principal, name: str) -> list[ShownSigningKey]:
        """Make a key, or give the one of this name a new value; all of the caller's. Needs the scope KEYS_WRITE.

        Without KEYS_READ and IMAGES_READ only the new value is shown.

        Raises:
            InvalidRequest: the name cannot be.
            Conflict: the account has as many keys as it may.
        """
        owner_id = require_account(principal, Scope.KEYS_WRITE)
        if not _NAME.fullmatch(name):
            message = "The name of a signing key has 1 to 99 of A-Z, a-z, 0-9, _ and -."
            raise InvalidRequest(message, details={"field": "name"})
        async with self._database.write() as db:
            keys = await _with_default(db, owner_id)
            present = _find(keys, name)
            if present is not None:
                await rotate_signing_key(db, present.id, value=make_signing_value(), now=utc_now())
            elif len(keys) >= MAX_SIGNING_KEYS:
                raise Conflict(f"An account may have at most {MAX_SIGNING_KEYS} signing keys. Delete one.")
            else:
                await insert_signing_key(db, new_signing_key_row(owner_id, name, utc_now()))
            return _shown(principal, (await list_signing_keys(db, [owner_id]))[owner_id], before=keys)

    async def delete(self, principal: Principal, name: str) -> list[ShownSigningKey]:
        """Remove a key; in the place of the last one comes a new `default`. Needs the scope KEYS_WRITE.

        Raises:
            NotFound: the caller has none of this name.
        """
        owner_id = require_account(principal, Scope.KEYS_WRITE)
        async with self._database.write() as db:
            keys = await _with_default(db, owner_id)
            present = _find(keys, name)
            if present is None:
                raise NotFound("There is no signing key of this name.", details={"field": "name"})
            await delete_signing_key(db, present.id)
            return _shown(principal, await _with_default(db, owner_id), before=keys)


def _shown(
    principal: Principal, keys: Sequence[SigningKeyRecord], *, before: Sequence[SigningKeyRecord] | None = None
) -> list[ShownSigningKey]:
    # A value opens every private image, so that reading it takes the scope to read images as well.
    shows_all = principal.has(Scope.KEYS_READ) and principal.has(Scope.IMAGES_READ)
    known = {key.value for key in (keys if before is None else before)}
    return [
        ShownSigningKey(key.name, key.value if shows_all or key.value not in known else None, key.created_at)
        for key in keys
    ]


async def _with_default(db: Transaction, owner_id: AccountId) -> list[SigningKeyRecord]:
    # The account's row is held, so that two at once neither make two defaults nor delete the last two keys.
    await find_account(db, owner_id, for_update=True)
    keys = (await list_signing_keys(db, [owner_id]))[owner_id]
    if keys:
        return keys
    await insert_signing_key(db, new_signing_key_row(owner_id, DEFAULT_SIGNING_KEY, utc_now()))
    return (await list_signing_keys(db, [owner_id]))[owner_id]


def _find(keys: Sequence[SigningKeyRecord], name: str) -> SigningKeyRecord | None:
    return next((key for key in keys if key.name == name), None)


def chosen_key(keys: Sequence[SigningKeyRecord]) -> SigningKeyRecord:
    """The key that signs where nobody says which: `default`, or else the oldest."""
    return _find(keys, DEFAULT_SIGNING_KEY) or keys[0]


def sign_path(path: str, keys: Sequence[SigningKeyRecord], *, expires_in_s: int) -> SignedPath:
    """Sign a path with the key `default`, or else the oldest.

    Raises:
        InvalidRequest: the time is not between 1 second and a year.
    """
    if not 1 <= expires_in_s <= MAX_SIGNED_S:
        message = f"expiresIn must be between 1 and {MAX_SIGNED_S} seconds."
        raise InvalidRequest(message, details={"field": "expiresIn"})
    key = chosen_key(keys)
    expires_at = (utc_now() + timedelta(seconds=expires_in_s)).replace(microsecond=0)
    signed = sign(path, "", key=key.value, expires_at_s=int(expires_at.timestamp()))
    return SignedPath(signed, expires_at.astimezone(UTC))
