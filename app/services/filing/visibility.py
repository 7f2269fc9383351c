"""Who may see an image: the one rule behind queries, subscriptions and delivery."""

from dataclasses import replace
from typing import Any

from app.db.records import ImageRecord, SessionRecord
from app.db.snapshots import ImageSnapshot
from app.domain.access import Principal, Scope, Visibility

_OF_THE_SESSION = ("filename", "title", "alt", "description", "tags", "creator", "meta", "is_nsfw", "created_at")
_OF_THE_OWNER = {
    **dict.fromkeys(("custom_id", "custom_key", "album_id", "exif", "taken_at", "uploaded_at")),
    "views": 0,
}
"""What takes the place of columns that are for the owner of an earlier image alone."""
VISIBILITY_COLUMNS = frozenset({"owner_id", "visibility", "deleted_at", "state"})
"""What `may_see` looks at."""


def may_see(principal: Principal, snapshot: ImageSnapshot) -> bool:
    """May the caller read this image through the API?

    The owner may see all of it, drafts and trash included; the holder of an upload token its own session's image;
    anyone what is public, has its bytes and is not in the trash.
    """
    if principal.owns(snapshot.image.owner_id, Scope.IMAGES_READ):
        return True
    if principal.upload_image_id is not None and principal.upload_image_id == snapshot.asked_id:
        return True
    return is_public(snapshot.image)


def as_seen_by(principal: Principal, snapshot: ImageSnapshot) -> ImageSnapshot:
    """The snapshot without anything that its viewer may not know; the caller has asked `may_see`.

    A duplicate's upload token stands for the image that was there before: its holder sees of that one the state, sizes,
    addresses and variants, and everything else as the session itself gave it.
    """
    alias = snapshot.alias
    if alias is None or principal.upload_image_id is None or principal.upload_image_id != snapshot.asked_id:
        return snapshot
    # Of a record that was read in part, only what it has.
    known = snapshot.image._fields
    shown: dict[str, Any] = {name: getattr(alias, name) for name in _OF_THE_SESSION if name in known}
    shown |= {name: value for name, value in _OF_THE_OWNER.items() if name in known}
    image = snapshot.image._replace(**shown)
    return replace(snapshot, image=image, owner=None, album=None, hides_place=True)


def as_seen_by_holder(session: SessionRecord, snapshot: ImageSnapshot) -> ImageSnapshot:
    """The same for the holder of this session's upload token."""
    return as_seen_by(Principal(upload_session_id=session.id, upload_image_id=session.image_id), snapshot)


def is_public(image: ImageRecord) -> bool:
    """May anyone who knows the address see it?"""
    return image.visibility is Visibility.PUBLIC and image.deleted_at is None and not image.is_draft
