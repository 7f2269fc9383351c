"""viewer and server; updatePreferences."""

from typing import Annotated

import strawberry

from app.context import Info
from app.domain.formats import MEDIA_TYPES
from app.domain.variants import Family
from app.schema.accounts import (
    PreferencesPayload,
    ServerInfo,
    UpdatePreferencesInput,
    Viewer,
    read_preferences,
    viewer_of,
)
from app.schema.scalars import BigInt


@strawberry.type
class AccountQueries:
    """Who asks, and whom."""

    @strawberry.field(description="The account that the credential belongs to.")
    async def viewer(self, info: Info) -> Viewer:
        view = await info.context.services.accounts.view(info.context.principal)
        return viewer_of(view, info.context.principal.scopes)

    @strawberry.field(description="What this server is and takes; anyone may ask.")
    def server(self, info: Info) -> ServerInfo:
        facts = info.context.server
        return ServerInfo(
            version=facts.version,
            input_formats=list(MEDIA_TYPES.values()),
            output_families=list(Family),
            max_upload_bytes=BigInt(facts.max_upload_bytes),
            max_pixels=BigInt(facts.budget.max_frame_pixels),
            guest_uploads=facts.guest_uploads,
        )


@strawberry.type
class AccountMutations:
    """Choosing what new images get."""

    @strawberry.mutation(description="Changes preferences; images that are there stay as they are.")
    async def update_preferences(
        self,
        info: Info,
        input: Annotated[UpdatePreferencesInput, strawberry.argument(description="What shall change.")],  # noqa: A002  (the contract's name)
    ) -> PreferencesPayload:
        principal = info.context.principal
        view = await info.context.services.preferences.update(principal, read_preferences(input))
        return PreferencesPayload(viewer=viewer_of(view, principal.scopes))
