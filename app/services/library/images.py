"""Read images: one, some, or a page of the caller's own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.db.accounts import find_account
from app.db.albums import find_album, find_albums
from app.db.engine import Database, Transaction
from app.db.images import find_image, find_image_by
from app.db.listing import count_images, list_images
from app.db.records import ImageRecord, VariantRecord
from app.db.snapshots import ImageSnapshot, read_snapshots
from app.db.variants import find_variant, list_variants
from app.domain.access import Principal, Scope, require_account
from app.domain.listing import NEWEST_FIRST, ImageFilter, ImageOrder, Position, Span
from app.domain.texts import is_text
from app.errors import NotFound
from app.ids import AccountId, ImageId, VariantId, make_custom_key
from app.services.filing.visibility import VISIBILITY_COLUMNS, as_seen_by, may_see


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list: `limit` images beyond `beyond`, forwards, or backwards from the end."""

    limit: int
    order: ImageOrder = NEWEST_FIRST
    beyond: Position | None = None
    is_backward: bool = False
    wants_variants: bool = True
    """False where nobody is going to look at them, which saves most of a list's time."""
    wants_count: bool = True
    """Likewise."""
    wants_surroundings: bool = True
    """Likewise of owner and albums; who looks at them all the same has them read one by one."""
    columns: frozenset[str] | None = None
    """Those of an image that are going to be looked at, the id aside; None stands for all."""
    skipped: int = 0
    """So many are passed over first, for clients that count pages; its cost grows with the number."""

    @property
    def read_columns(self) -> frozenset[str] | None:
        """The same with what leads to the surroundings."""
        return self.columns | {"album_id"} if self.columns is not None and self.wants_surroundings else self.columns

    @property
    def span(self) -> Span:
        """The images that are read: one more than asked for, to see whether others follow."""
        return Span(self.limit + 1, self.beyond, self.is_backward, self.skipped)


@dataclass(frozen=True, slots=True)
class ImagePage:
    """Part of a list, in the order asked for."""

    snapshots: tuple[ImageSnapshot, ...]
    has_more: bool
    """Are there others beyond it, in the direction in which it was read?"""
    total_count: int | None
    """How many the whole list has; None where it was not asked for."""


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
        return {key: as_seen_by(principal, snapshot) for key, snapshot in found.items() if may_see(principal, snapshot)}

    async def find_alone(
        self, principal: Principal, image_id: ImageId, columns: frozenset[str] | None = None
    ) -> ImageSnapshot | None:
        """The same without its variants, for whoever is not going to look at them, nor at other columns than these."""
        read = columns | VISIBILITY_COLUMNS | {"alias_of"} if columns is not None else None
        async with self._database.read() as db:
            image, alias = await find_image(db, image_id, columns=read), None
            if image is not None and image.alias_of is not None:
                image, alias = await find_image(db, image.alias_of, columns=read), image
        if image is None:
            return None
        snapshot = ImageSnapshot(image_id, image, (), alias=alias)
        return as_seen_by(principal, snapshot) if may_see(principal, snapshot) else None

    async def find_by_short_id(self, principal: Principal, short_id: str) -> ImageSnapshot | None:
        """The image of this short id, if the caller may see it."""
        if not (short_id.isascii() and short_id.isalnum()):
            return None
        async with self._database.read() as db:
            image = await find_image_by(db, short_id=short_id)
        return await self.find(principal, image.id) if image is not None else None

    async def get_own_by_short_id(self, principal: Principal, short_id: str) -> ImageSnapshot:
        """The caller's own image of this short id, a draft or what is in the trash too, with its owner and album.

        Needs the scope IMAGES_READ.

        Raises:
            NotFound: there is none of the caller's.
        """
        owner_id = require_account(principal, Scope.IMAGES_READ)
        snapshot = await self.find_by_short_id(principal, short_id)
        if snapshot is None or snapshot.image.owner_id != owner_id:
            raise NotFound("There is no such image.")
        return await self.surround(snapshot)

    async def get_own_id(self, principal: Principal, short_id: str) -> ImageId:
        """The id of the caller's own image of this short id, for who changes it. Needs the scope IMAGES_WRITE.

        Raises:
            NotFound: there is none of the caller's.
        """
        owner_id = require_account(principal, Scope.IMAGES_WRITE)
        if short_id.isascii() and short_id.isalnum():
            async with self._database.read() as db:
                image = await find_image_by(db, short_id=short_id)
            if image is not None and image.owner_id == owner_id:
                return image.id
        raise NotFound("There is no such image.")

    async def surround(self, snapshot: ImageSnapshot) -> ImageSnapshot:
        """The same with its owner and its album, whoever asks."""
        album_id = snapshot.image.album_id
        async with self._database.read() as db:
            owner = await find_account(db, snapshot.image.owner_id)
            album = await find_album(db, album_id) if album_id is not None else None
        return replace(snapshot, owner=owner, album=album)

    async def find_by_custom_id(self, principal: Principal, custom_id: str) -> ImageSnapshot | None:
        """The caller's own image of this custom id; nobody else's can be asked for by it."""
        if principal.account_id is None or not is_text(custom_id):
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

    async def list_page(self, principal: Principal, request: PageRequest, wanted: ImageFilter) -> ImagePage:
        """A page of the caller's own images, with their owner and albums; drafts and duplicates are not listed.

        Needs the scope IMAGES_READ. However long the page, it costs at most five statements of SQL.
        """
        owner_id = require_account(principal, Scope.IMAGES_READ)
        async with self._database.read() as db:
            rows = await list_images(
                db, owner_id, wanted, order=request.order, span=request.span, names=request.read_columns
            )
            kept = rows[: request.limit]
            if request.is_backward:
                kept.reverse()
            snapshots = await _complete(db, owner_id, kept, request)
            total_count = await count_images(db, owner_id, wanted) if request.wants_count else None
        return ImagePage(snapshots, len(rows) > request.limit, total_count)


async def _complete(
    db: Transaction, owner_id: AccountId, images: Sequence[ImageRecord], request: PageRequest
) -> tuple[ImageSnapshot, ...]:
    """The images with all that the request wants of them, so that no resolver has to look it up."""
    variants = await list_variants(db, [image.id for image in images]) if request.wants_variants else {}
    if not request.wants_surroundings:
        return tuple(ImageSnapshot(image.id, image, tuple(variants.get(image.id, ()))) for image in images)
    owner = await find_account(db, owner_id)
    album_ids = {image.album_id for image in images if image.album_id is not None}
    albums = await find_albums(db, list(album_ids)) if album_ids else {}
    return tuple(
        ImageSnapshot(
            image.id,
            image,
            tuple(variants.get(image.id, ())),
            owner=owner,
            album=albums.get(image.album_id) if image.album_id is not None else None,
        )
        for image in images
    )
