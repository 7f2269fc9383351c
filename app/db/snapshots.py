"""Read an image together with its variants and its session, as they are at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.images import find_images_and_aliases
from app.db.records import AccountRecord, AlbumRecord, ImageRecord, SessionRecord, VariantRecord
from app.db.uploads import find_session_of_image
from app.db.variants import list_variants, list_watched
from app.domain.links import make_stable_path
from app.domain.variants import Derivative, Family, guess_original_format, path_extension, stored_format
from app.ids import ImageId


@dataclass(frozen=True, slots=True)
class ImageSnapshot:
    """What is known of an image at one moment."""

    asked_id: ImageId
    """The id that was asked for; differs from `image.id` where it is the alias that a duplicate left."""
    image: ImageRecord
    variants: tuple[VariantRecord, ...]
    """In the order in which they were planned."""
    session: SessionRecord | None = None
    """The session of `asked_id`; read for watchers only."""
    owner: AccountRecord | None = None
    """Read with pages of images; None where nobody looked."""
    album: AlbumRecord | None = None
    """Likewise; None too where the image is in none."""
    alias: ImageRecord | None = None
    """The row of `asked_id` where that is an alias: what its own session said of the file."""
    hides_place: bool = False
    """Must the pretty address, which names the file and its album, not be shown?"""
    making: tuple[VariantRecord, ...] = ()
    """What is being made on demand and is no part of the image yet; read for watchers only."""


def stable_path(snapshot: ImageSnapshot, derivative: Derivative) -> str:
    """The path of a derivative. One given out before the bytes came stays good: of ORIGINAL the extension is free."""
    image = snapshot.image
    if image.format is None:
        original = guess_original_format(image.filename)
    else:
        original = stored_format(Family.ORIGINAL, image.format, has_alpha=bool(image.has_alpha))
    return make_stable_path(image.id, derivative, path_extension(derivative.family, original=original))


async def read_snapshots(db: AsyncConnection, image_ids: Sequence[ImageId]) -> dict[ImageId, ImageSnapshot]:
    """Those of these images that exist, under the ids that were asked for, without their sessions."""
    found, aliases = await find_images_and_aliases(db, image_ids)
    variants = await list_variants(db, {image.id for image in found.values()})
    return {
        asked_id: ImageSnapshot(asked_id, image, tuple(variants[image.id]), alias=aliases.get(asked_id))
        for asked_id, image in found.items()
    }


async def read_watched(db: AsyncConnection, image_id: ImageId) -> ImageSnapshot | None:
    """One image with the session that leads to it."""
    found, aliases = await find_images_and_aliases(db, [image_id])
    image = found.get(image_id)
    if image is None:
        return None
    variants, making = await list_watched(db, image.id)
    session = await find_session_of_image(db, image_id)
    return ImageSnapshot(image_id, image, tuple(variants), session, alias=aliases.get(image_id), making=tuple(making))
