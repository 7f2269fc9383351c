"""What the new system is asked for: the facts of an old image as the input of an upload session."""

import json
from collections.abc import Mapping

from app.client.moving.answers import NewImage
from app.client.moving.items import Facts

# A file is sent at once; a session whose run died shall not keep its room for long.
SHORTEST_S, LONGEST_S = 300, 21_600
MAX_FACT_BYTES = 50_000
"""Of one text or list as JSON: above every limit of the new system's, which says more about what is wrong."""
_SLOWEST_BYTES_PER_S = 50_000


def wanted_of(
    facts: Facts, *, byte_size: int, sha256: str, processing: Mapping[str, object] | None
) -> dict[str, object]:
    """A CreateUploadSessionInput; what the old system does not tell is left to the account's preferences.

    Without the album: a session whose run died would hold the filename there, and the next be given a number.
    """
    optional: dict[str, object | None] = {
        "filename": facts.filename,
        "title": facts.title,
        "alt": facts.alt,
        "description": facts.description,
        "tags": list(facts.tags) or None,
        "creator": facts.creator,
        "metadata": dict(facts.metadata) or None,
        "customId": facts.custom_id,
        "visibility": None if facts.is_private is None else "PRIVATE" if facts.is_private else "PUBLIC",
        "isNsfw": facts.is_nsfw,
        "processing": processing,
    }
    lives_s = min(LONGEST_S, SHORTEST_S + byte_size // _SLOWEST_BYTES_PER_S)
    given = {name: value for name, value in optional.items() if value is not None}
    return {"fileSize": byte_size, "sha256": sha256, "expiresIn": lives_s, **given}


def take_out_oversized(wanted: dict[str, object]) -> list[str]:
    """Remove what no server would read to its end; a line for each."""
    too_large = [name for name, value in wanted.items() if len(json.dumps(value)) > MAX_FACT_BYTES]
    for name in too_large:
        del wanted[name]
    return [f"{name}: It has more than {MAX_FACT_BYTES:,} bytes." for name in too_large]


def is_as_wanted(image: NewImage, wanted: Mapping[str, object], *, album_slug: str | None) -> bool:
    """Does an image say what this input would make it say? Its filename may have been given a number."""
    empty: dict[str, object] = {"tags": [], "metadata": {}}
    told = {"visibility", "isNsfw"}
    if (image.custom_id, image.album_slug) != (wanted.get("customId"), album_slug):
        return False
    return all(
        value == wanted.get(name, empty.get(name))
        for name, value in image.said.items()
        if name not in told or name in wanted
    )
