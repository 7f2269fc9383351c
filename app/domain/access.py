"""Who is calling, with which scopes, and what they may see or change."""

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID

from app.errors import Forbidden, Unauthorized
from app.ids import AccountId, ApiKeyId, ImageId, SessionId


class Scope(StrEnum):
    """What a credential may do."""

    IMAGES_READ = "images:read"
    IMAGES_WRITE = "images:write"
    ALBUMS_READ = "albums:read"
    ALBUMS_WRITE = "albums:write"
    VARIANTS_READ = "variants:read"
    VARIANTS_WRITE = "variants:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    ACCOUNT_READ = "account:read"
    ACCOUNT_WRITE = "account:write"
    ADMIN = "admin"


class Visibility(StrEnum):
    """Who may see an image."""

    PUBLIC = "public"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: an account by its key or sign-in, the holder of one upload token, or nobody in particular."""

    account_id: AccountId | None = None
    scopes: frozenset[Scope] = field(default_factory=frozenset)
    api_key_id: ApiKeyId | None = None
    upload_session_id: SessionId | None = None
    """Set where the credential is an upload token: it reads and watches its own session and image only."""
    upload_image_id: ImageId | None = None
    """The image that the session's bytes become."""
    plan: str | None = None
    """Name of the account's plan; null where there is no account."""
    sign_in_id: UUID | None = None
    """Set where the credential came of a sign-in: what `signOut` ends."""

    @property
    def sharing_key(self) -> Hashable:
        """All that may decide what this principal sees of an image or album: equal keys see the same.

        Only what identifies the credential itself is left out, so that a field added later is part of the key.
        """
        return replace(self, api_key_id=None, sign_in_id=None)

    def has(self, scope: Scope) -> bool:
        """Does the credential carry this scope? ADMIN carries all."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def owns(self, owner_id: AccountId, scope: Scope) -> bool:
        """Is this the owner's own credential, with this scope?"""
        return self.account_id is not None and self.account_id == owner_id and self.has(scope)


ANONYMOUS = Principal()
# What people who sign in may do with their own account; ADMIN is given to keys only, from the command line.
SIGNED_IN_SCOPES = frozenset(scope for scope in Scope if scope is not Scope.ADMIN)


def require_account(principal: Principal, scope: Scope) -> AccountId:
    """The calling account.

    Raises:
        Unauthorized: there is no account behind the credential.
        Forbidden: its credential lacks the scope.
    """
    if principal.account_id is None:
        raise Unauthorized("Send an API key as `Authorization: Bearer <key>` or `X-API-Key: <key>`.")
    if not principal.has(scope):
        raise Forbidden(f"This credential lacks the scope {scope.value}.", details={"scope": scope.value})
    return principal.account_id
