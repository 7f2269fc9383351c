"""What may be changed of an image, checked; what is not named stays as it is."""

import math
from collections.abc import Sequence
from typing import TypedDict

from app.domain.access import Visibility
from app.domain.filenames import clean_filename
from app.domain.texts import (
    MAX_CREATOR_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    MAX_TITLE_CHARACTERS,
    check_metadata,
    check_tags,
    check_text,
)
from app.errors import InvalidRequest
from app.ids import AlbumId
from app.services.uploads.drafts import MAX_SENT_FILENAME_CHARACTERS

_TEXTS = {
    "title": MAX_TITLE_CHARACTERS,
    "alt": MAX_TEXT_CHARACTERS,
    "description": MAX_TEXT_CHARACTERS,
    "creator": MAX_CREATOR_CHARACTERS,
}
_NEVER_NULL = {"filename": "filename", "visibility": "visibility", "is_nsfw": "isNsfw"}


class ImageChange(TypedDict, total=False):
    """A change of one image: a key that is absent keeps, None clears."""

    filename: str | None
    album_id: AlbumId | None
    album_slug: str | None
    clear_album: bool | None
    tags: Sequence[str] | None
    title: str | None
    alt: str | None
    description: str | None
    creator: str | None
    metadata: object
    visibility: Visibility | None
    is_nsfw: bool | None
    focal_point: tuple[float, float] | None


def checked_columns(change: ImageChange) -> dict[str, object]:
    """The columns of all that is changed, but the place.

    Raises:
        InvalidRequest: something cannot be; `details.field` names it.
    """
    for key, field in _NEVER_NULL.items():
        if change.get(key, "kept") is None:
            raise InvalidRequest(f"{field} cannot be cleared.", details={"field": field})
    columns: dict[str, object] = {}
    for key, max_characters in _TEXTS.items():
        if key in change:
            text = change[key]  # type: ignore[literal-required]  # the keys of `_TEXTS` are those of four texts
            columns[key] = check_text(text, field=key, max_characters=max_characters)
    if "tags" in change:
        columns["tags"] = check_tags(change["tags"])
    if "metadata" in change:
        columns["meta"] = check_metadata(change["metadata"])
    if "filename" in change:
        columns["filename"] = _check_filename(change["filename"])
    if "visibility" in change:
        columns["visibility"] = change["visibility"]
    if "is_nsfw" in change:
        columns["is_nsfw"] = change["is_nsfw"]
    if "focal_point" in change:
        columns["focal_x"], columns["focal_y"] = _check_focal_point(change["focal_point"])
    return columns


def _check_filename(sent: str | None) -> str:
    checked = check_text(sent, field="filename", max_characters=MAX_SENT_FILENAME_CHARACTERS, may_be_empty=False)
    filename = clean_filename(checked, fallback="")
    if not filename:
        raise InvalidRequest("filename holds nothing that can be a name.", details={"field": "filename"})
    return filename


def _check_focal_point(point: tuple[float, float] | None) -> tuple[float | None, float | None]:
    if point is None:
        return None, None
    if not all(math.isfinite(part) and 0 <= part <= 1 for part in point):
        raise InvalidRequest("focalPoint takes x and y between 0 and 1.", details={"field": "focalPoint"})
    return point
