"""Images, albums and keys as PixelFlare writes them, with what we add at the end."""

from app.context import Addresses
from app.db.albums import AlbumSize
from app.db.records import AlbumRecord, ApiKeyRecord
from app.db.snapshots import ImageSnapshot
from app.domain.access import Visibility
from app.domain.formats import MEDIA_TYPES
from app.domain.links import make_pretty_path
from app.domain.variants import ORIGINAL_SIZE, VariantState
from app.routes.moments import to_second

KEY_PREFIX = "key_"


def image_resource(snapshot: ImageSnapshot, addresses: Addresses) -> dict[str, object]:
    """An image, for its owner; the snapshot must have its owner and its album."""
    image = snapshot.image
    assert snapshot.owner is not None, "it was read with its owner"
    return {
        "id": image.short_id,
        "filename": image.filename,
        "album": snapshot.album.slug if snapshot.album is not None else None,
        "owner": snapshot.owner.username,
        "content_type": MEDIA_TYPES[image.format] if image.format is not None else None,
        "size": image.byte_size,
        "tags": image.tags,
        "is_private": image.visibility is Visibility.PRIVATE,
        "created_at": to_second(image.created_at),
        "cdn_url": _cdn_url(snapshot, addresses),
        # Beyond the document's list: what a client sent, and what it would otherwise have to guess or ask elsewhere.
        "alt": image.alt,
        "width": image.width_px,
        "height": image.height_px,
        "status": image.state.value,
        "variants": _variants(snapshot, addresses),
        "deleted_at": to_second(image.deleted_at) if image.deleted_at is not None else None,
        "uuid": str(image.id),
    }


def album_resource(album: AlbumRecord, size: AlbumSize) -> dict[str, object]:
    """An album, for its owner."""
    return {
        "slug": album.slug,
        "title": album.title,
        "description": album.description,
        "image_count": size.images,
        "created_at": to_second(album.created_at),
        "updated_at": to_second(album.updated_at),
    }


def key_resource(key: ApiKeyRecord, secret: str | None = None) -> dict[str, object]:
    """An API key; its value stands in the answer that it is made by and nowhere else."""
    shown = {"key": secret} if secret is not None else {"prefix": key.prefix}
    return {
        "id": KEY_PREFIX + key.id.hex,
        "name": key.name,
        **shown,
        "scopes": key.scopes,
        "created_at": to_second(key.created_at),
        "expires_at": to_second(key.expires_at) if key.expires_at is not None else None,
        "last_used_at": to_second(key.last_used_at) if key.last_used_at is not None else None,
    }


def _cdn_url(snapshot: ImageSnapshot, addresses: Addresses, size: str | None = None) -> str:
    assert snapshot.owner is not None, "it was read with its owner"
    album = snapshot.album.slug if snapshot.album is not None else None
    return addresses.cdn_url + make_pretty_path(snapshot.owner.username, album, snapshot.image.filename, size)


def _variants(snapshot: ImageSnapshot, addresses: Addresses) -> list[dict[str, object]]:
    """One entry for each size that is planned; ready where it is in every family that is."""
    states: dict[str, list[VariantState]] = {}
    for record in snapshot.variants:
        if record.size != ORIGINAL_SIZE:
            states.setdefault(record.size, []).append(record.state)
    return [
        {
            "name": size,
            "url": _cdn_url(snapshot, addresses, size),
            "ready": all(state is VariantState.READY for state in found),
        }
        for size, found in states.items()
    ]
