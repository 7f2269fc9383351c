"""importImage."""

from typing import Annotated

import strawberry

from app.context import Info
from app.resolvers.arguments import read_session_request
from app.schema.imports import ImportImageInput, ImportImagePayload
from app.schema.scalars import BigInt
from app.schema.uploads import CreateUploadSessionInput, session_of
from app.services.uploads.drafts import SessionRequest


@strawberry.type
class ImportMutations:
    """Fetching what lies elsewhere."""

    @strawberry.mutation(description="Fetches an http(s) URL from the public internet in the background.")
    async def import_image(
        self,
        info: Info,
        input: Annotated[ImportImageInput, strawberry.argument(description="The URL, and what is known of its file.")],  # noqa: A002  (the contract's name)
    ) -> ImportImagePayload:
        imports = info.context.services.imports
        opened = await imports.open(info.context.principal, input.url, _read_request(input))
        return ImportImagePayload(session=session_of(opened.session, opened.snapshot))


def _read_request(asked: ImportImageInput) -> SessionRequest:
    # All that is said of an upload can be said of an import, and is read by the same rules.
    session = CreateUploadSessionInput(
        file_size=BigInt(0),
        **{name: value for name, value in vars(asked).items() if name != "url"},
    )
    return read_session_request(session)
