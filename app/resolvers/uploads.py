"""uploadSession; createUploadSession, createUploadSessions, cancelUploadSession."""

from typing import Annotated

import strawberry

from app.context import Info
from app.ids import SessionId
from app.resolvers.arguments import find_id, get_image_id, get_session_id, read_session_request
from app.schema.arguments import IdArgument
from app.schema.scalars import BigInt
from app.schema.uploads import (
    CancelUploadSessionPayload,
    CreateUploadSessionInput,
    CreateUploadSessionPayload,
    UploadSession,
    session_of,
)
from app.services.uploads.opening import OpenedSession


@strawberry.type
class UploadQueries:
    """Looking at sessions."""

    @strawberry.field(description="Null where there is none, or none that the caller may see.")
    async def upload_session(self, info: Info, id: IdArgument) -> UploadSession | None:  # noqa: A002  (the contract's name)
        found = find_id(id)
        view = await info.context.loaders.sessions.load(SessionId(found)) if found else None
        return session_of(*view) if view is not None else None


@strawberry.type
class UploadMutations:
    """Opening and closing sessions."""

    @strawberry.mutation(description="Leave to send one file; the image's id and URLs are known from now on.")
    async def create_upload_session(
        self,
        info: Info,
        input: Annotated[CreateUploadSessionInput, strawberry.argument(description="What is known of the file.")],  # noqa: A002  (the contract's name)
    ) -> CreateUploadSessionPayload:
        uploads = info.context.services.uploads
        return _payload((await uploads.open_sessions(info.context.principal, [read_session_request(input)]))[0])

    @strawberry.mutation(description="At most 50, all or nothing; `details.index` names the first that is refused.")
    async def create_upload_sessions(
        self,
        info: Info,
        inputs: Annotated[
            list[CreateUploadSessionInput], strawberry.argument(description="What is known of each file; 1 to 50.")
        ],
    ) -> list[CreateUploadSessionPayload]:
        requests = [read_session_request(asked) for asked in inputs]
        opened = await info.context.services.uploads.open_sessions(info.context.principal, requests)
        return [_payload(session) for session in opened]

    @strawberry.mutation(
        description="Opens a session whose bytes take the place of the image's: same id, same URLs, new variants."
    )
    async def replace_image(
        self,
        info: Info,
        id: IdArgument,  # noqa: A002  (the contract's name)
        file_size: Annotated[BigInt, strawberry.argument(description="Bytes, > 0.")],
    ) -> CreateUploadSessionPayload:
        replacements = info.context.services.replacements
        return _payload(await replacements.open(info.context.principal, get_image_id(id), file_bytes=file_size))

    @strawberry.mutation(description="Closes an OPEN session for good.")
    async def cancel_upload_session(self, info: Info, id: IdArgument) -> CancelUploadSessionPayload:  # noqa: A002  (the contract's name)
        view = await info.context.services.uploads.cancel(info.context.principal, get_session_id(id))
        return CancelUploadSessionPayload(session=session_of(*view))


def _payload(opened: OpenedSession) -> CreateUploadSessionPayload:
    session = session_of(opened.session, opened.snapshot, opened.token)
    return CreateUploadSessionPayload(session=session, duplicate=opened.session.is_duplicate)
