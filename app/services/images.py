"""Read images: one, some, or a page of the caller's own."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.db.engine import Database
from app.db.images import ImageQuery, Position, count_images, find_image_by, list_images
from app.db.records import VariantRecord
from app.db.snapshots import ImageSnapshot, read_snapshots
from app.db.variants import find_variant, list_variants
from app.domain.access import Principal, Scope, require_account
from app.domain.states import ImageState
from app.ids import ImageId, VariantId, make_custom_key
from app.services.visibility import may_see


@dataclass(frozen=True, slots=True)
class ImagePage:
    """Part of a list, in the order asked for."""

    snapshots: tuple[ImageSnapshot, ...]
    has_more: bool
    """Are there others beyond it, in the direction in which it was read?"""
    query: ImageQuery


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list: `limit` images beyond `cursor`, forwards, or backwards from the end."""

    limit: int
    cursor: Position | None = None
    is_backward: bool = False
    newest_first: bool = True


class ImageService:
    """What is there, for whom it is there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, principal: Principal, image_id: ImageId) -> ImageSnapshot | None:
        """The image of this id, if the caller may see it; a duplicate's draft finds the image that was there."""
        return (await self.find_many(principal, [image_id])).get(image_id)

    async def find_many(self, principal: Principal, image_ids: Sequence[ImageId]) -> dict[ImageId, ImageSnapshot]:
        """Those of these images that the caller may see, under the ids that were asked for."""
        async with self._database.read() as db:
            found = await read_snapshots(db, image_ids)
        return {key: snapshot for key, snapshot in found.items() if may_see(principal, snapshot)}

    async def find_by_short_id(self, principal: Principal, short_id: str) -> ImageSnapshot | None:
        """The image of this short id, if the caller may see it."""
        if not (short_id.isascii() and short_id.isalnum()):
            return None
        async with self._database.read() as db:
            image = await find_image_by(db, short_id=short_id)
        return await self.find(principal, image.id) if image is not None else None

    async def find_by_custom_id(self, principal: Principal, custom_id: str) -> ImageSnapshot | None:
        """The caller's own image of this custom id; nobody else's can be asked for by it."""
        if principal.account_id is None:
            return None
        async with self._database.read() as db:
            image = await find_image_by(db, custom_key=make_custom_key(principal.account_id, custom_id))
        return await self.find(principal, image.id) if image is not None else None

    async def find_variant(
        self, principal: Principal, variant_id: VariantId
    ) -> tuple[VariantRecord, ImageSnapshot] | None:
        """A variant and its image, if the caller may see that."""
        async with self._database.read() as db:
            variant = await find_variant(db, variant_id)
        snapshot = await self.find(principal, variant.image_id) if variant is not None else None
        return (variant, snapshot) if variant is not None and snapshot is not None else None

    async def list_page(
        self, principal: Principal, request: PageRequest, *, states: Sequence[ImageState] = ()
    ) -> ImagePage:
        """A page of the caller's own images; drafts and duplicates are not listed. Needs the scope IMAGES_READ."""
        query = ImageQuery(require_account(principal, Scope.IMAGES_READ), tuple(states))
        async with self._database.read() as db:
            rows = await list_images(
                db,
                query,
                limit=request.limit + 1,
                after=request.cursor,
                newest_first=request.newest_first is not request.is_backward,
            )
            kept = rows[: request.limit]
            variants = await list_variants(db, [image.id for image in kept])
        snapshots = [ImageSnapshot(image.id, image, tuple(variants[image.id])) for image in kept]
        if request.is_backward:
            snapshots.reverse()
        return ImagePage(tuple(snapshots), len(rows) > request.limit, query)

    async def count(self, query: ImageQuery) -> int:
        """How many images a list has in all."""
        async with self._database.read() as db:
            return await count_images(db, query)
