"""Who may see an image: the one rule behind queries, subscriptions and delivery."""

from app.db.records import ImageRecord
from app.db.snapshots import ImageSnapshot
from app.domain.access import Principal, Scope, Visibility

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


def is_public(image: ImageRecord) -> bool:
    """May anyone who knows the address see it?"""
    return image.visibility is Visibility.PUBLIC and image.deleted_at is None and not image.is_draft
