"""An image in each of Slink's three shapes: its detail, an item of a list, an item of the history."""

from datetime import datetime

from app.db.records import AccountRecord, ImageRecord
from app.domain.access import Principal, Visibility
from app.domain.formats import EXTENSIONS, MEDIA_TYPES, ImageFormat
from app.domain.variants import Family, stored_format
from app.services.accounts.accounts import preferences_of


def file_name(image: ImageRecord) -> str:
    """Slink calls a file by its image's id, and its clients make addresses of that name."""
    return f"{image.id}.{EXTENSIONS[_served_format(image)]}"


def thumbnail_name(image: ImageRecord) -> str:
    """What Slink calls the small picture beside it."""
    return f"{image.id}_thumbnail.{EXTENSIONS[_served_format(image)]}"


def detail(image: ImageRecord, owner: AccountRecord) -> dict[str, object]:
    """The flat shape, for one image."""
    return {
        "id": str(image.id),
        **_attributes(image),
        "createdAt": _iso(image.created_at),
        "updatedAt": _iso(image.updated_at) if image.updated_at > image.created_at else None,
        "views": image.views,
        **_metadata(image),
        # Strangers are sent other sizes only where the owner lets them be made up.
        "supportsResize": preferences_of(owner).flexible_variants,
        "url": f"/image/{file_name(image)}",
    }


def list_item(image: ImageRecord, owner: AccountRecord, principal: Principal) -> dict[str, object]:
    """The nested shape of lists: `Jan 15, 2024`."""
    # Month names in English, whatever the machine's locale says.
    day = f"{_MONTHS[image.created_at.month - 1]} {image.created_at.day}, {image.created_at.year}"
    return _item(image, _owner(owner, principal), day)


def history_item(image: ImageRecord, owner: AccountRecord, principal: Principal) -> dict[str, object]:
    """The nested shape of the history: `2025-07-11 22:03:06`, and the owner's username too."""
    named = {**_owner(owner, principal), "username": owner.username}
    return _item(image, named, image.created_at.strftime("%Y-%m-%d %H:%M:%S"))


def _item(image: ImageRecord, owner: dict[str, object], formatted_date: str) -> dict[str, object]:
    created = {"formattedDate": formatted_date, "timestamp": int(image.created_at.timestamp())}
    return {
        "id": str(image.id),
        "owner": owner,
        "attributes": {**_attributes(image), "createdAt": created, "views": image.views},
        "metadata": _metadata(image),
    }


def _attributes(image: ImageRecord) -> dict[str, object]:
    return {
        "fileName": file_name(image),
        "description": image.description or "",
        "isPublic": image.visibility is Visibility.PUBLIC,
    }


def _metadata(image: ImageRecord) -> dict[str, object]:
    return {
        "size": image.byte_size,
        "mimeType": MEDIA_TYPES[_served_format(image)],
        "width": image.width_px,
        "height": image.height_px,
    }


def _owner(owner: AccountRecord, principal: Principal) -> dict[str, object]:
    # An address of a person is for that person alone, and not for whoever sees a public picture.
    email = owner.email if principal.account_id == owner.id else None
    return {"id": str(owner.id), "email": email, "displayName": owner.display_name or owner.username}


def _served_format(image: ImageRecord) -> ImageFormat:
    # HEIC is served as JPEG or PNG. A file that is an image's has a format: drafts are shown to nobody here.
    format_ = image.format or ImageFormat.JPEG
    return stored_format(Family.ORIGINAL, format_, has_alpha=bool(image.has_alpha))


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
