"""What can happen to an image of a library, as its owner's watchers are told."""

from enum import StrEnum


class LibraryEventKind(StrEnum):
    """Why a watcher is told of an image."""

    IMAGE_CREATED = "created"
    IMAGE_UPDATED = "updated"
    VARIANTS_CHANGED = "variants"
    IMAGE_DELETED = "deleted"
    IMAGE_RESTORED = "restored"
    IMAGE_PURGED = "purged"
