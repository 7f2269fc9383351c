"""Read arguments: ids, changes, wanted derivatives; each wrong one is refused by name."""

from collections.abc import Sequence
from typing import cast
from uuid import UUID

import strawberry

from app.domain.policy import Wanted
from app.domain.variants import Derivative
from app.errors import InvalidRequest, NotFound
from app.ids import AlbumId, ApiKeyId, ImageId, SessionId, parse_uuid
from app.schema.albums import UpdateAlbumInput
from app.schema.changes import UpdateImageInput, UpdateImagesInput
from app.schema.presets import UpdateVariantPresetInput, VariantPresetInput
from app.schema.uploads import CreateUploadSessionInput, DerivativeInput, ProcessingInput
from app.services.library.albums import AlbumChange
from app.services.library.changes import BulkChange
from app.services.library.image_changes import ImageChange
from app.services.library.presets import PresetChange
from app.services.uploads.drafts import SessionRequest

MAX_IDS = 100


def find_id(text: strawberry.ID) -> UUID | None:
    """The UUID, or None for what cannot be one: that names nothing, which is no error of its own."""
    return parse_uuid(text)


def get_image_id(text: strawberry.ID) -> ImageId:
    """The image's id; what cannot be one names no image."""
    found = parse_uuid(text)
    if found is None:
        raise NotFound("There is no such image.")
    return ImageId(found)


def get_api_key_id(text: strawberry.ID) -> ApiKeyId:
    """The key's id; what cannot be one names no key."""
    found = parse_uuid(text)
    if found is None:
        raise NotFound("There is no such API key.")
    return ApiKeyId(found)


def get_album_id(text: strawberry.ID) -> AlbumId:
    """The album's id; what cannot be one names no album."""
    found = parse_uuid(text)
    if found is None:
        raise NotFound("There is no such album.")
    return AlbumId(found)


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
    return SessionRequest(
        file_bytes=asked.file_size,
        filename=asked.filename,
        title=asked.title,
        alt=asked.alt,
        description=asked.description,
        creator=asked.creator,
        custom_id=asked.custom_id,
        album_id=_read_album_id(asked.album_id),
        album_slug=asked.album_slug,
        tags=tuple(asked.tags or ()),
        metadata=asked.metadata,
        is_nsfw=asked.is_nsfw,
        visibility=asked.visibility,
        wanted=read_wanted(asked.processing),
        ttl_s=asked.expires_in,
        sha256=asked.sha256,
        is_kept_apart=asked.allow_duplicate,
    )


def read_album_change(asked: UpdateAlbumInput) -> AlbumChange:
    """What shall change of an album; what is omitted has no key."""
    given = _given(asked)
    if given.get("cover_id") is not None:
        given["cover_id"] = _read_cover_id(str(given["cover_id"]))
    # Its keys are the input's own names, and the schema has checked their types.
    return cast("AlbumChange", given)


def read_image_change(asked: UpdateImageInput) -> ImageChange:
    """What shall change of an image; what is omitted has no key."""
    given = _given(asked)
    if asked.album_id:
        given["album_id"] = _read_album_id(asked.album_id)
    if asked.focal_point:
        given["focal_point"] = (asked.focal_point.x, asked.focal_point.y)
    return cast("ImageChange", given)  # as above


def read_preset_change(asked: VariantPresetInput | UpdateVariantPresetInput) -> PresetChange:
    """What a preset shall hold; what is omitted has no key."""
    names = {"width": "width_px", "height": "height_px", "browser_ttl": "browser_ttl_s"}
    given = {names.get(key, key): value for key, value in _given(asked).items() if key != "name"}
    return cast("PresetChange", given)  # as above


def read_bulk_change(asked: UpdateImagesInput) -> BulkChange:
    """What shall change of many images; null is the same as omitted but for the album, which it clears."""
    return BulkChange(
        album_id=_read_album_id(asked.album_id) if asked.album_id is not strawberry.UNSET else None,
        clears_album=bool(asked.clear_album) or asked.album_id is None,
        add_tags=tuple(asked.add_tags or ()),
        remove_tags=tuple(asked.remove_tags or ()),
        visibility=asked.visibility,
        is_nsfw=asked.is_nsfw,
    )


def _given(
    asked: UpdateAlbumInput | UpdateImageInput | VariantPresetInput | UpdateVariantPresetInput,
) -> dict[str, object]:
    return {name: value for name, value in vars(asked).items() if value is not strawberry.UNSET and name != "id"}


def _read_album_id(text: strawberry.ID | None) -> AlbumId | None:
    found = parse_uuid(text) if text is not None else None
    if text is not None and found is None:
        raise NotFound("There is no such album.", details={"field": "albumId"})
    return AlbumId(found) if found is not None else None


def _read_cover_id(text: str) -> ImageId:
    found = parse_uuid(text)
    if found is None:
        raise NotFound("There is no such image.", details={"field": "coverId"})
    return ImageId(found)
