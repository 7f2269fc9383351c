"""stableVariants and uploadSession: the state now, then each change."""

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from app.context import Info
from app.resolvers.arguments import get_image_id, get_session_id
from app.schema.arguments import IdArgument
from app.schema.image_facts import is_owner
from app.schema.live import StableVariantsEvent, UploadSessionEvent, readiness_event_of, session_event_of


@strawberry.type
class Subscriptions:
    """Push, not poll."""

    @strawberry.subscription(
        description="Instead of polling: pushes each variant's readiness. Ends by itself when the image is complete, "
        "with an error (UPLOAD_EXPIRED, the session's own code, NOT_FOUND) when it never will be."
    )
    async def stable_variants(
        self,
        info: Info,
        image_id: IdArgument,
        after: Annotated[int | None, strawberry.argument(description="The last revision that was seen.")] = None,
    ) -> AsyncGenerator[StableVariantsEvent, None]:
        watching = info.context.services.watching
        async for readiness in watching.watch_variants(info.context.principal, get_image_id(image_id), after=after):
            yield readiness_event_of(readiness, is_owner=is_owner(info, readiness.snapshot))

    @strawberry.subscription(
        description="From the open session to the ready image: may be subscribed to before the first byte is sent. "
        "Ends when the image is complete or the session cannot be any more."
    )
    async def upload_session(
        self,
        info: Info,
        id: IdArgument,  # noqa: A002  (the contract's name)
    ) -> AsyncGenerator[UploadSessionEvent, None]:
        async for progress in info.context.services.watching.watch_session(info.context.principal, get_session_id(id)):
            yield session_event_of(progress)
