"""Hold images that the caller may change, one or a hundred of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.db.engine import Transaction
from app.db.records import ImageRecord
from app.db.snapshots import ImageSnapshot
from app.db.trash import hold_images
from app.errors import InvalidRequest, NotFound, SafelightError
from app.ids import AccountId, AlbumId, ImageId

MAX_BATCH = 100


@dataclass(slots=True)
class Batch:
    """How a change of many images went: each of the ids is in one of the two, in the order asked for."""

    done: list[ImageId] = field(default_factory=list)
    """Ids as they were asked for; an alias stands for its image."""
    failed: dict[ImageId, SafelightError] = field(default_factory=dict)
    snapshots: list[ImageSnapshot] = field(default_factory=list)
    """Of those that are done, as they are now."""
    changed: dict[ImageId, AlbumId | None] = field(default_factory=dict)
    """Those that are different now, each with the album that it was in before."""


def check_batch(image_ids: Sequence[ImageId]) -> list[ImageId]:
    """The ids without doubles.

    Raises:
        InvalidRequest: there are more than `MAX_BATCH`.
    """
    if len(image_ids) > MAX_BATCH:
        raise refuse_more()
    return list(dict.fromkeys(image_ids))


def refuse_more() -> InvalidRequest:
    """The refusal of more than `MAX_BATCH` ids."""
    return InvalidRequest(f"At most {MAX_BATCH} ids can be given at once.", details={"field": "ids"})


async def hold_own(
    db: Transaction, owner_id: AccountId, image_ids: Sequence[ImageId], *, with_trash: bool = False
) -> dict[ImageId, ImageRecord]:
    """Those of these images that are the owner's, held until the transaction ends."""
    found = await hold_images(db, image_ids)
    return {
        key: image
        for key, image in found.items()
        if image.owner_id == owner_id and (with_trash or image.deleted_at is None)
    }


async def hold_one(db: Transaction, owner_id: AccountId, image_id: ImageId) -> ImageRecord:
    """The owner's image of this id, held until the transaction ends.

    Raises:
        NotFound: there is none, or it is in the trash.
    """
    image = (await hold_own(db, owner_id, [image_id])).get(image_id)
    if image is None:
        raise NotFound("There is no such image.")
    return image
