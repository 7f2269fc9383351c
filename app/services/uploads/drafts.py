"""What a client says of a file before it sends it, and the draft image that is made of that."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.db.records import AccountRecord
from app.domain.access import Visibility
from app.domain.custom_ids import check_custom_id
from app.domain.filenames import clean_filename
from app.domain.policy import ProcessingPolicy, Wanted
from app.domain.states import ImageState
from app.domain.texts import (
    MAX_CREATOR_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    MAX_TITLE_CHARACTERS,
    check_metadata,
    check_tags,
    check_text,
)
from app.ids import AlbumId, make_custom_key, make_short_id
from app.services.accounts.accounts import preferences_of

DEFAULT_TTL_S = 1_800
MAX_SENT_FILENAME_CHARACTERS = 4_096


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What a client says of the file it is going to send."""

    file_bytes: int | None
    """None where nobody knows: as many as the plan and what is left of the quota allow."""
    filename: str | None = None
    title: str | None = None
    alt: str | None = None
    description: str | None = None
    creator: str | None = None
    custom_id: str | None = None
    album_id: AlbumId | None = None
    album_slug: str | None = None
    makes_album: bool = False
    """Is the album of `album_slug` made where it is not there?"""
    tags: Sequence[str] = ()
    metadata: object = None
    is_nsfw: bool | None = None
    visibility: Visibility | None = None
    wanted: Wanted = field(default_factory=Wanted)
    ttl_s: int = DEFAULT_TTL_S
    sha256: str | None = None
    source_url: str | None = None
    """What a worker shall fetch; None where the client sends the bytes."""
    is_kept_apart: bool = False
    """Do the bytes become an image of their own, whether or not another image of the owner's has them?"""


def make_draft(
    request: SessionRequest, account: AccountRecord, policy: ProcessingPolicy, *, now: datetime
) -> dict[str, object]:
    """The columns of a draft image, but its id.

    Raises:
        InvalidRequest: one of the texts cannot be; `details.field` names it.
    """
    preferences = preferences_of(account)
    short_id = make_short_id()
    custom_id = check_custom_id(request.custom_id)
    return {
        "short_id": short_id,
        "owner_id": account.id,
        "custom_id": custom_id,
        "custom_key": make_custom_key(account.id, custom_id) if custom_id is not None else None,
        "filename": _filename(request.filename, short_id),
        "title": check_text(request.title, field="title", max_characters=MAX_TITLE_CHARACTERS),
        "alt": check_text(request.alt, field="alt", max_characters=MAX_TEXT_CHARACTERS),
        "description": check_text(request.description, field="description", max_characters=MAX_TEXT_CHARACTERS),
        "creator": check_text(request.creator, field="creator", max_characters=MAX_CREATOR_CHARACTERS),
        "meta": check_metadata(request.metadata),
        "tags": check_tags(request.tags),
        "visibility": request.visibility or preferences.visibility_default,
        "is_nsfw": preferences.nsfw_default if request.is_nsfw is None else request.is_nsfw,
        "processing": policy.to_json(),
        "state": ImageState.AWAITING_UPLOAD,
        "revision": 0,
        "generation": 1,
        "created_at": now,
        "updated_at": now,
    }


def _filename(sent: str | None, short_id: str) -> str:
    # Until the format is known a file without a name is called by its short id alone.
    checked = check_text(sent, field="filename", max_characters=MAX_SENT_FILENAME_CHARACTERS)
    return clean_filename(checked, fallback=short_id)
