"""Read arguments: ids, pages, wanted derivatives; each wrong one is refused by name."""

import base64
import binascii
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import strawberry

from app.db.images import Position
from app.domain.policy import Wanted
from app.domain.variants import Derivative
from app.errors import InvalidRequest, NotFound
from app.ids import ImageId, SessionId, parse_uuid
from app.schema.uploads import CreateUploadSessionInput, DerivativeInput, ProcessingInput
from app.services.drafts import SessionRequest
from app.services.images import PageRequest

MAX_IDS = 100
MAX_PAGE, DEFAULT_PAGE = 100, 50

_CURSOR = struct.Struct(">q16s")  # microseconds since 1970, and the id
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def find_id(text: strawberry.ID) -> UUID | None:
    """The UUID, or None for what cannot be one: that names nothing, which is no error of its own."""
    return parse_uuid(text)


def get_image_id(text: strawberry.ID) -> ImageId:
    """The image's id; what cannot be one names no image."""
    found = parse_uuid(text)
    if found is None:
        raise NotFound("There is no such image.")
    return ImageId(found)


def get_session_id(text: strawberry.ID) -> SessionId:
    """The session's id; what cannot be one names no session."""
    found = parse_uuid(text)
    if found is None:
        raise NotFound("There is no such upload session.")
    return SessionId(found)


def check_ids(ids: Sequence[strawberry.ID]) -> list[UUID | None]:
    """At most `MAX_IDS` ids, None in the place of what cannot be one."""
    if len(ids) > MAX_IDS:
        raise InvalidRequest(f"At most {MAX_IDS} ids can be asked for at once.", details={"field": "ids"})
    return [parse_uuid(text) for text in ids]


def read_page(first: int | None, after: str | None, last: int | None, before: str | None) -> PageRequest:
    """Forwards with `first` and `after`, or backwards with `last` and `before`; never a mixture."""
    if (last is not None or before is not None) and (first is not None or after is not None):
        raise InvalidRequest("Ask with first and after, or with last and before.", details={"field": "last"})
    if last is not None or before is not None:
        limit = _check_page(last, "last")
        return PageRequest(limit, _read_cursor(before, "before"), is_backward=True)
    return PageRequest(_check_page(first, "first"), _read_cursor(after, "after"))


def write_cursor(position: Position) -> str:
    """A place in a list, opaque to clients. Lists are the caller's own, so it gives access to nothing."""
    microseconds = (position.created_at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(_CURSOR.pack(microseconds, position.image_id.bytes)).decode().rstrip("=")


def _read_cursor(text: str | None, field: str) -> Position | None:
    if text is None:
        return None
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        microseconds, id_bytes = _CURSOR.unpack(packed)
        return Position(_EPOCH + timedelta(microseconds=microseconds), ImageId(UUID(bytes=id_bytes)))
    except (binascii.Error, struct.error, OverflowError, ValueError) as error:
        raise InvalidRequest(f"{field} is no cursor of this list.", details={"field": field}) from error


def _check_page(limit: int | None, field: str) -> int:
    if limit is None:
        return DEFAULT_PAGE
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidRequest(f"{field} must be between 1 and {MAX_PAGE}.", details={"field": field})
    return limit


def read_derivatives(inputs: Sequence[DerivativeInput] | None) -> tuple[Derivative, ...]:
    """The wanted derivatives, in their order."""
    return tuple(Derivative(wanted.family, wanted.size) for wanted in inputs or ())


def read_wanted(processing: ProcessingInput | None) -> Wanted:
    """What shall be made; DEFAULT where nothing is said."""
    if processing is None:
        return Wanted()
    return Wanted(processing.profile, read_derivatives(processing.derivatives))


def read_session_request(asked: CreateUploadSessionInput) -> SessionRequest:
    """What the client says of its file."""
    if asked.album_id is not None or asked.album_slug is not None:
        raise NotFound("There is no such album.", details={"field": "albumId" if asked.album_id else "albumSlug"})
    return SessionRequest(
        file_bytes=asked.file_size,
        filename=asked.filename,
        title=asked.title,
        alt=asked.alt,
        description=asked.description,
        creator=asked.creator,
        custom_id=asked.custom_id,
        tags=tuple(asked.tags or ()),
        metadata=asked.metadata,
        is_nsfw=asked.is_nsfw,
        visibility=asked.visibility,
        wanted=read_wanted(asked.processing),
        ttl_s=asked.expires_in,
        sha256=asked.sha256,
    )
