"""API keys and signing keys: listed, made, ended; sessions: begun, refreshed, ended."""

from typing import Annotated

import strawberry

from app.context import Info
from app.resolvers.arguments import get_api_key_id
from app.schema.arguments import IdArgument
from app.schema.credentials import (
    ApiKey,
    CreateApiKeyInput,
    CreateApiKeyPayload,
    RevokeApiKeyPayload,
    SigningKey,
    SigningKeysPayload,
    SignInPayload,
    api_key_of,
    created_key_of,
    sign_in_of,
    signing_keys_of,
)

KeyNameArgument = Annotated[str, strawberry.argument(description="1 to 99 of A-Z, a-z, 0-9, _ and -.")]


@strawberry.type
class CredentialQueries:
    """What the account's keys are."""

    @strawberry.field(description="The newest first, revoked ones last. Needs the scope KEYS_READ.")
    async def api_keys(self, info: Info) -> list[ApiKey]:
        records = await info.context.services.api_keys.list_own(info.context.principal)
        return [api_key_of(record) for record in records]

    @strawberry.field(description="The oldest first; at least one. Needs KEYS_READ; values need IMAGES_READ as well.")
    async def signing_keys(self, info: Info) -> list[SigningKey]:
        return signing_keys_of(await info.context.services.signing_keys.list_own(info.context.principal))


@strawberry.type
class CredentialMutations:
    """Making, ending and rotating them; signing in and out."""

    @strawberry.mutation(description="Makes an API key with some of the caller's own scopes.")
    async def create_api_key(
        self,
        info: Info,
        input: Annotated[CreateApiKeyInput, strawberry.argument(description="What it shall be.")],  # noqa: A002  (the contract's name)
    ) -> CreateApiKeyPayload:
        made = await info.context.services.api_keys.create(
            info.context.principal, name=input.name, scopes=input.scopes, expires_at=input.expires_at
        )
        return created_key_of(made)

    @strawberry.mutation(description="Ends an API key for good; its open sockets are closed within 2 seconds.")
    async def revoke_api_key(self, info: Info, id: IdArgument) -> RevokeApiKeyPayload:  # noqa: A002  (the contract's name)
        record = await info.context.services.api_keys.revoke(info.context.principal, get_api_key_id(id))
        return RevokeApiKeyPayload(api_key=api_key_of(record))

    @strawberry.mutation(
        description="Makes the key, or gives the one of that name a new value: what the old one signed is refused."
    )
    async def put_signing_key(self, info: Info, name: KeyNameArgument) -> SigningKeysPayload:
        records = await info.context.services.signing_keys.put(info.context.principal, name)
        return SigningKeysPayload(signing_keys=signing_keys_of(records))

    @strawberry.mutation(description="When the last is deleted a new one called default is made.")
    async def delete_signing_key(self, info: Info, name: KeyNameArgument) -> SigningKeysPayload:
        records = await info.context.services.signing_keys.delete(info.context.principal, name)
        return SigningKeysPayload(signing_keys=signing_keys_of(records))

    @strawberry.mutation(description="Begins a session with a name and a password; anyone may ask, 10 times a minute.")
    async def sign_in(
        self,
        info: Info,
        username: Annotated[str, strawberry.argument(description="Of the account.")],
        password: Annotated[str, strawberry.argument(description="At most 1,024 characters.")],
    ) -> SignInPayload:
        return sign_in_of(await info.context.services.sign_in.sign_in(username, password))

    @strawberry.mutation(description="The next tokens of a session; send it without the expired access token.")
    async def refresh_session(
        self,
        info: Info,
        refresh_token: Annotated[str, strawberry.argument(description="The latest of the session; good once.")],
    ) -> SignInPayload:
        return sign_in_of(await info.context.services.sign_in.refresh(refresh_token))

    @strawberry.mutation(description="Ends the session that the access token came of; false where it came of none.")
    async def sign_out(
        self,
        info: Info,
        everywhere: Annotated[
            bool,
            strawberry.argument(
                description="Ends all sessions and batch tokens of the account; needs the scope ACCOUNT_WRITE."
            ),
        ] = False,
    ) -> bool:
        sign_in, principal = info.context.services.sign_in, info.context.principal
        return await (sign_in.sign_out_everywhere(principal) if everywhere else sign_in.sign_out(principal))
