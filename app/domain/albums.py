"""Rules of albums' names."""

import re
from enum import StrEnum

from app.errors import InvalidRequest

MAX_SLUG_CHARACTERS = 64


class AlbumDeletion(StrEnum):
    """What becomes of the images of an album that is deleted."""

    KEEP_IMAGES = "keep_images"
    DELETE_IMAGES = "delete_images"


_SLUG = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)


def is_slug(text: str) -> bool:
    """May an album be called so? What may not names none."""
    return _SLUG.fullmatch(text) is not None


def check_slug(slug: str, *, field: str = "slug") -> str:
    """The slug as it came: it stands in addresses, so nothing of it is changed silently.

    Raises:
        InvalidRequest: it is not 1 to 64 of `a-z`, `0-9` and `-`.
    """
    if not is_slug(slug):
        details = {"field": field, "maxCharacters": MAX_SLUG_CHARACTERS}
        raise InvalidRequest(f"{field} takes 1 to {MAX_SLUG_CHARACTERS} of a-z, 0-9 and -.", details=details)
    return slug
