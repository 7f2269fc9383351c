"""The row of a new API key, and how many of them are listed."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from app.domain.access import Scope
from app.ids import SHOWN_PREFIX_CHARACTERS, AccountId, hash_secret, make_uuid

MAX_LISTED_KEYS = 500
"""Revoked ones beyond it are not listed any more."""


def new_key_row(
    account_id: AccountId,
    name: str,
    secret: str,
    *,
    scopes: Iterable[Scope],
    now: datetime,
    expires_at: datetime | None = None,
    sign_in_id: UUID | None = None,
) -> dict[str, object]:
    """The columns of a key whose value is `secret`; only its hash stands there."""
    asked = set(scopes)
    return {
        "id": make_uuid(),
        "account_id": account_id,
        "name": name,
        "prefix": secret[:SHOWN_PREFIX_CHARACTERS],
        "secret_hash": hash_secret(secret),
        "scopes": [scope.value for scope in Scope if scope in asked],
        "created_at": now,
        "expires_at": expires_at,
        "sign_in_id": sign_in_id,
    }
