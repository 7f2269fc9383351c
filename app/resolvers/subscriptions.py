"""stableVariants and uploadSession: the state now, then each change. library: each change of many images."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated

import strawberry

from app.context import Info
from app.domain.access import Principal
from app.resolvers.arguments import get_album_id, get_image_id, get_session_id
from app.schema.arguments import IdArgument
from app.schema.live import (
    LibraryEvent,
    StableVariantsEvent,
    UploadSessionEvent,
    library_event_of,
    readiness_event_of,
    session_event_of,
)
from app.services.watching.image_watching import Readiness, SessionProgress
from app.services.watching.library_watcher import LibraryChange


@strawberry.type
class Subscriptions:
    """Push, not poll."""

    @strawberry.subscription(
        description="Instead of polling: pushes each variant's readiness. Ends by itself when the image is complete, "
        "with an error (UPLOAD_EXPIRED, the session's own code, NOT_FOUND) when it never will be."
    )
    def stable_variants(
        self,
        info: Info,
        image_id: IdArgument,
        after: Annotated[int | None, strawberry.argument(description="The last revision that was seen.")] = None,
    ) -> AsyncGenerator[StableVariantsEvent, None]:
        context = info.context
        steps = context.services.watching.watch_variants(context.principal, get_image_id(image_id), after=after)
        return _tell_readiness(steps, context.principal)

    @strawberry.subscription(
        description="From the open session to the ready image: may be subscribed to before the first byte is sent. "
        "Ends when the image is complete or the session cannot be any more."
    )
    def upload_session(
        self,
        info: Info,
        id: IdArgument,  # noqa: A002  (the contract's name)
    ) -> AsyncGenerator[UploadSessionEvent, None]:
        context = info.context
        return _tell_progress(context.services.watching.watch_session(context.principal, get_session_id(id)))

    @strawberry.subscription(
        description="Everything that happens to the caller's images, or to one album's: from now on, without an end. "
        "What leaves the album is told as well. After a break, list anew."
    )
    def library(
        self,
        info: Info,
        album_id: Annotated[strawberry.ID | None, strawberry.argument(description="Of the caller's own.")] = None,
    ) -> AsyncGenerator[LibraryEvent, None]:
        principal = info.context.principal
        wanted = get_album_id(album_id) if album_id is not None else None
        return _tell_changes(info.context.services.library_watching.watch(principal, wanted), principal)


# Not the resolvers themselves: those would keep their `info`, with the whole operation, as long as they watch.


async def _tell_readiness(
    steps: AsyncIterator[Readiness], principal: Principal
) -> AsyncGenerator[StableVariantsEvent, None]:
    async for step in steps:
        yield readiness_event_of(step, principal)


async def _tell_progress(steps: AsyncIterator[SessionProgress]) -> AsyncGenerator[UploadSessionEvent, None]:
    async for step in steps:
        yield session_event_of(step)


async def _tell_changes(
    changes: AsyncIterator[LibraryChange], principal: Principal
) -> AsyncGenerator[LibraryEvent, None]:
    async for change in changes:
        yield library_event_of(change, principal)
