"""Images and variants as Cloudflare's models have them (reference: cloudflare-images-api)."""

from app.db.records import ImageRecord
from app.domain.access import Visibility
from app.routes.moments import to_millisecond
from app.services.delivery.delivery_urls import DeliveryURLs, name_of
from app.services.library.presets import PresetView


def image_resource(image: ImageRecord, urls: DeliveryURLs, *, is_for_owner: bool = True) -> dict[str, object]:
    """An image as lists and uploads have it; who uploads with a one-time URL never sees what its owner noted."""
    resource: dict[str, object] = {
        "id": name_of(image),
        "uploaded": to_millisecond(image.uploaded_at or image.created_at),
        "requireSignedURLs": image.visibility is Visibility.PRIVATE,
        "variants": urls.of(image),
    }
    if not image.is_draft:
        resource["filename"] = image.filename
    if is_for_owner:
        # The model's name for it, and the one that uploads and the guide of direct uploads use.
        resource |= {"creator": image.creator, "meta": image.meta, "metadata": image.meta}
    return resource


def detailed_resource(image: ImageRecord, urls: DeliveryURLs) -> dict[str, object]:
    """The same, with whether its file is still to come."""
    return {**image_resource(image, urls), "draft": image.is_draft}


def variant_resource(view: PresetView) -> dict[str, object]:
    """A variant; a side that its picture's proportions give is null, which Cloudflare has none of."""
    preset = view.preset
    return {
        "id": preset.name,
        "options": {
            "fit": preset.fit.value,
            "metadata": preset.metadata.value,
            "width": preset.width_px,
            "height": preset.height_px,
        },
        "neverRequireSignedURLs": preset.never_require_signed_urls,
    }
