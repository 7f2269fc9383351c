"""What is said of a URL to import, and the answer."""

import strawberry

from app.schema.enums import Visibility
from app.schema.scalars import JSON
from app.schema.uploads import ProcessingInput, UploadSession


@strawberry.input(description="A file of the public internet, and what is known of it.")
class ImportImageInput:
    """A request for an import."""

    url: str = strawberry.field(
        description="http:// or https://, at most 4,096 characters, on port 80 or 443, without user name or password. "
        "Leads on at most 3 times, and to public addresses only."
    )
    filename: str | None = strawberry.field(
        default=None, description="Only its last path component is kept. Omitted: the last part of the URL's path."
    )
    album_id: strawberry.ID | None = strawberry.field(default=None, description="The album it shall be in.")
    album_slug: str | None = strawberry.field(default=None, description="The album it shall be in, by its slug.")
    tags: list[str] | None = strawberry.field(default=None, description="At most 50, each of at most 64 characters.")
    title: str | None = strawberry.field(default=None, description="At most 255 characters.")
    alt: str | None = strawberry.field(default=None, description="At most 5,000 characters.")
    description: str | None = strawberry.field(default=None, description="At most 5,000 characters.")
    creator: str | None = strawberry.field(default=None, description="At most 1,024 characters.")
    metadata: JSON | None = strawberry.field(default=None, description="An object of at most 1,024 bytes as JSON.")
    custom_id: str | None = strawberry.field(default=None, description="The owner's own id, at most 1,024 characters.")
    is_nsfw: bool | None = strawberry.field(default=None, description="Omitted: the owner's default.")
    visibility: Visibility | None = strawberry.field(default=None, description="Omitted: the owner's default.")
    processing: ProcessingInput | None = strawberry.field(default=None, description="Omitted: DEFAULT.")


@strawberry.type(description="An import has begun.")
class ImportImagePayload:
    """Answer of importImage."""

    session: UploadSession = strawberry.field(
        description="The session to watch: RECEIVING while a worker fetches, FAILED with URL_NOT_ALLOWED, FETCH_FAILED "
        "or what an upload is refused with. It has no token: nobody else can send its bytes."
    )
