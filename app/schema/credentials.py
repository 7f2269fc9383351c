"""API keys, signing keys and sign-ins as clients see them."""

from datetime import datetime

import strawberry

from app.db.records import ApiKeyRecord
from app.domain.access import Scope as GrantedScope
from app.schema.accounts import Viewer, viewer_of
from app.schema.enums import Scope
from app.schema.node import Node
from app.services.accounts.signing_keys import ShownSigningKey
from app.services.credentials.api_keys import NewKey
from app.services.credentials.sign_in import SignIn


@strawberry.type(description="A credential of the account for programs. Its secret is shown once, when it is made.")
class ApiKey(Node):
    """A key without its secret."""

    name: str = strawberry.field(description="As its maker called it, at most 100 characters.")
    prefix: str = strawberry.field(description="The first characters, to recognise it by.")
    scopes: list[Scope] = strawberry.field(description="What it may do.")
    created_at: datetime = strawberry.field(description="When it was made.")
    last_used_at: datetime | None = strawberry.field(description="Last use, to the minute; null where there was none.")
    expires_at: datetime | None = strawberry.field(description="From when on it is refused; null: never.")
    revoked_at: datetime | None = strawberry.field(description="Since when it is refused; null while it is good.")


@strawberry.input(description="What a new key shall be.")
class CreateApiKeyInput:
    """A wish."""

    name: str = strawberry.field(description="To tell it from others, 1 to 100 characters.")
    scopes: list[Scope] = strawberry.field(description="At least one; only those that the caller has.")
    expires_at: datetime | None = strawberry.field(default=None, description="In the future; omitted: never.")


@strawberry.type(description="A key was made.")
class CreateApiKeyPayload:
    """Answer of createApiKey."""

    api_key: ApiKey = strawberry.field(description="The key.")
    secret: str = strawberry.field(description="Its value, shown this once; only a hash of it is kept.")


@strawberry.type(description="A key was revoked.")
class RevokeApiKeyPayload:
    """Answer of revokeApiKey."""

    api_key: ApiKey = strawberry.field(description="The key, which is refused within a second everywhere.")


@strawberry.type(
    description="A key that signs delivery URLs. The value is shown to holders of KEYS_READ and IMAGES_READ, as "
    "signing happens in their own back end."
)
class SigningKey:
    """A signing key."""

    name: str = strawberry.field(description="1 to 99 of A-Z, a-z, 0-9, _ and -.")
    value: str | None = strawberry.field(
        description="The secret, whose characters are the key of the HMAC. Null without KEYS_READ and IMAGES_READ, "
        "except of the key just made."
    )
    created_at: datetime = strawberry.field(description="When it got this value.")


@strawberry.type(description="Signing keys were changed.")
class SigningKeysPayload:
    """Answer of what changes signing keys."""

    signing_keys: list[SigningKey] = strawberry.field(description="All of them now; there is at least one.")


@strawberry.type(description="A sign-in, or its refreshing.")
class SignInPayload:
    """Answer of signIn and refreshSession."""

    access_token: str = strawberry.field(description="Goes into `Authorization: Bearer`; good for 15 minutes.")
    refresh_token: str = strawberry.field(
        description="Good once, within 30 days, for refreshSession. Used twice, it ends the whole sign-in."
    )
    expires_at: datetime = strawberry.field(description="Until when the access token is good.")
    viewer: Viewer = strawberry.field(description="The account.")


def api_key_of(record: ApiKeyRecord) -> ApiKey:
    """A key, for its owner."""
    return ApiKey(
        id=strawberry.ID(str(record.id)),
        name=record.name,
        prefix=record.prefix,
        scopes=[GrantedScope(scope) for scope in record.scopes],
        created_at=record.created_at,
        last_used_at=record.last_used_at,
        expires_at=record.expires_at,
        revoked_at=record.revoked_at,
    )


def created_key_of(made: NewKey) -> CreateApiKeyPayload:
    """A new key with its secret, this once."""
    return CreateApiKeyPayload(api_key=api_key_of(made.record), secret=made.secret)


def signing_keys_of(keys: list[ShownSigningKey]) -> list[SigningKey]:
    """Signing keys, for their owner."""
    return [SigningKey(name=key.name, value=key.value, created_at=key.created_at) for key in keys]


def sign_in_of(made: SignIn) -> SignInPayload:
    """New tokens, this once."""
    viewer = viewer_of(made.view, made.principal.scopes)
    return SignInPayload(
        access_token=made.access_token, refresh_token=made.refresh_token, expires_at=made.expires_at, viewer=viewer
    )
