"""The image as REST clients get it: the resource of the PixelFox document, with what we add to it."""

from collections.abc import Callable, Iterable

from app.context import Addresses
from app.db.records import VariantRecord
from app.db.snapshots import ImageSnapshot, stable_path
from app.domain.links import make_pretty_path, make_view_path
from app.domain.policy import ProcessingPolicy
from app.domain.variants import ORIGINAL, VariantState

ObjectURL = Callable[[str], str]


def image_resource(
    snapshot: ImageSnapshot, addresses: Addresses, object_url: ObjectURL | None, *, owner_name: str, is_duplicate: bool
) -> dict[str, object]:
    """The whole of an image, whose owner's name stands in the pretty URL.

    Where the bytes lie is for the owner alone: everybody else gets it without `object_url`.
    """
    image = snapshot.image
    base_url = addresses.base_url
    ready = [record for record in snapshot.variants if record.state is VariantState.READY]
    stable_url = base_url + stable_path(snapshot, ORIGINAL)
    album_slug = snapshot.album.slug if snapshot.album is not None else None
    return {
        "id": str(image.id),
        "image_uuid": str(image.id),
        "short_id": image.short_id,
        "view_url": make_view_path(image.short_id),
        "url": stable_url,
        "stable_url": stable_url,
        "cdn_url": stable_url
        if snapshot.hides_place
        else addresses.cdn_url + make_pretty_path(owner_name, album_slug, image.filename),
        "storage_url": object_url(image.upload_key) if object_url and image.upload_key else None,
        "is_nsfw": image.is_nsfw,
        "width": image.width_px,
        "height": image.height_px,
        "placeholder": _placeholder(snapshot),
        "available_variants": _families(ready),
        "planned_variants": _families(snapshot.variants),
        "processing": policy_resource(image.policy),
        "variants": _by_family(ready, lambda record: _file(snapshot, base_url, record)),
        "storage_variants": _by_family(ready, lambda record: _place(record, object_url)) if object_url else {},
        "stable_variants": _by_family(snapshot.variants, lambda record: _promise(snapshot, base_url, record)),
        "duplicate": is_duplicate,
    }


def _families(records: Iterable[VariantRecord]) -> list[str]:
    return list(dict.fromkeys(record.family.value for record in records))


def _by_family(
    records: Iterable[VariantRecord], describe: Callable[[VariantRecord], dict[str, object]]
) -> dict[str, dict[str, object]]:
    grouped: dict[str, dict[str, object]] = {}
    for record in records:
        grouped.setdefault(record.family.value, {})[record.size] = describe(record)
    return grouped


def _file(snapshot: ImageSnapshot, base_url: str, record: VariantRecord) -> dict[str, object]:
    return {
        "url": base_url + stable_path(snapshot, record.derivative),
        "width": record.width_px,
        "height": record.height_px,
        "bytes": record.byte_size,
        "mime_type": record.content_type,
        "animated": record.is_animated,
    }


def _promise(snapshot: ImageSnapshot, base_url: str, record: VariantRecord) -> dict[str, object]:
    return {
        "url": base_url + stable_path(snapshot, record.derivative),
        "ready": record.state is VariantState.READY,
    }


def _place(record: VariantRecord, object_url: ObjectURL) -> dict[str, object]:
    return {"url": object_url(record.object_key) if record.object_key else None}


def policy_resource(policy: ProcessingPolicy) -> dict[str, object]:
    """What was granted; the original is kept in every case."""
    derivatives = [{"family": wanted.family.value, "size": wanted.size} for wanted in policy.derivatives]
    return {"profile": policy.profile.value, "keep_original": True, "derivatives": derivatives}


def _placeholder(snapshot: ImageSnapshot) -> dict[str, object] | None:
    image = snapshot.image
    if image.thumbhash is None:
        return None
    return {"thumbhash": image.thumbhash, "dominant_color": image.dominant_color}
