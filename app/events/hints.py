"""What is said of a change, and how it is written into an entry of the stream."""

from dataclasses import dataclass

from app.domain.library_events import LibraryEventKind
from app.ids import AccountId, AlbumId, ImageId, parse_uuid

LOST_SINCE = "resync"
"""In an entry about no image: when the first change was committed whose hint was lost, in seconds of the Unix clock."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Something about one image may have changed."""

    image_id: ImageId
    committed_at: float
    """When, in seconds of the Unix clock; for the measured push delay."""
    received_bytes: int | None = None
    """Set where nothing changed but the progress of its upload."""
    kind: LibraryEventKind | None = None
    """What happened to it, where whoever changed it knows."""
    left_album_id: AlbumId | None = None
    """The album that it was in before."""
    owner_id: AccountId | None = None
    """Whose it was; told of what is purged, as no row tells it any more."""


def encode(hint: Hint) -> dict[str, str]:
    """The entry of a hint."""
    entry = {"image": str(hint.image_id), "at": repr(hint.committed_at)}
    more = {
        "received": hint.received_bytes,
        "kind": hint.kind.value if hint.kind is not None else None,
        "left": hint.left_album_id,
        "owner": hint.owner_id,
    }
    return entry | {name: str(value) for name, value in more.items() if value is not None}


def decode(entry: dict[str, str]) -> Hint | None:
    """The hint in an entry; None where there is none that this release understands."""
    # Other releases may run beside this one: what it does not understand is not for it.
    image_id = parse_uuid(entry.get("image", ""))
    if image_id is None:
        return None
    received, left, owner = entry.get("received"), parse_uuid(entry.get("left", "")), parse_uuid(entry.get("owner", ""))
    return Hint(
        ImageId(image_id),
        float(entry.get("at", "0")),
        int(received) if received else None,
        _KINDS.get(entry.get("kind", "")),
        AlbumId(left) if left is not None else None,
        AccountId(owner) if owner is not None else None,
    )


_KINDS = {kind.value: kind for kind in LibraryEventKind}
