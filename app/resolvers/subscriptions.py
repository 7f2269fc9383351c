"""stableVariants and uploadSession: the state now, then each change. library: each change of many images."""

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from app.context import Info
from app.resolvers.arguments import get_album_id, get_image_id, get_session_id
from app.schema.arguments import IdArgument
from app.schema.image_facts import is_owner
from app.schema.live import (
    LibraryEvent,
    StableVariantsEvent,
    UploadSessionEvent,
    library_event_of,
    readiness_event_of,
    session_event_of,
)


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
            scopes = info.context.principal.scopes if is_owner(info, readiness.snapshot) else None
            yield readiness_event_of(readiness, scopes=scopes)

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

    @strawberry.subscription(
        description="Everything that happens to the caller's images, or to one album's: from now on, without an end. "
        "What leaves the album is told as well. After a break, list anew."
    )
    async def library(
        self,
        info: Info,
        album_id: Annotated[strawberry.ID | None, strawberry.argument(description="Of the caller's own.")] = None,
    ) -> AsyncGenerator[LibraryEvent, None]:
        principal = info.context.principal
        wanted = get_album_id(album_id) if album_id is not None else None
        async for change in info.context.services.library_watching.watch(principal, wanted):
            yield library_event_of(change, principal.scopes)
