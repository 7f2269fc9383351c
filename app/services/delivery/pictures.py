"""The whole way from an address to the object that is sent: resolve, choose a format, take or make what is wanted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from app.db.engine import Database
from app.db.images import find_images
from app.db.records import ImageRecord
from app.domain.access import Principal, Scope
from app.domain.addresses import Address, BlobAddress, CloudflareAddress, PrettyAddress, ShortAddress
from app.domain.formats import ImageFormat
from app.domain.links import StablePath
from app.domain.transforms import Transform
from app.domain.variants import Family, MetadataPolicy, stored_format
from app.domain.wants import MadeAddress, Want, named_wish, read_want
from app.domain.wishes import Wish
from app.errors import NotFound
from app.services.delivery.addressing import AddressingService, Place
from app.services.delivery.deliverables import Deliverable, DeliveryService
from app.services.delivery.on_demand import OnDemand

Prefer = Callable[[ImageFormat | None], Sequence[Family]]
"""What a client likes, best first, by the format in which the ORIGINAL family is stored."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says beside its address."""

    prefer: Prefer
    client: str
    """Its network address, for the count of what it has had made."""
    query: Sequence[tuple[str, str]] = field(default=())
    wait_s: float | None = None
    """How long to wait for what is being made; None: not at all for a stable address, as long as usual for others."""
    signed_target: str | None = None
    """Path and query as they were sent, where they are signed."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be sent."""

    deliverable: Deliverable
    signed_until_s: int | None = None
    is_negotiated: bool = False
    """Would another client be sent something else?"""
    is_unannounced: bool = False
    """May it end without a hint? A name may come to mean another image, an owner may take leave back to make sizes."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The image is called otherwise by now."""

    path: str
    """Below `{cdn}`, without a size."""


class PictureService:
    """Serves every address of docs/delivery.md."""

    def __init__(
        self, database: Database, addressing: AddressingService, delivery: DeliveryService, on_demand: OnDemand
    ) -> None:
        self._database = database
        self._addressing = addressing
        self._delivery = delivery
        self._on_demand = on_demand

    async def find(self, principal: Principal, address: Address | None, asked: Asked) -> Found | Moved:
        """What this caller is sent for an address; None is an address that names nothing.

        Raises:
            Forbidden: it is signed, and the signature is not good.
            NotFound: there is no such image or size, or it is not the caller's to see or to have made.
            InvalidRequest: options or parameters cannot be.
            RateLimited: the caller has had too much made.
            VariantNotReady: it was not made in time.
            RenderFailed: it could not be made.
        """
        if asked.signed_target is None and isinstance(address, MadeAddress):
            # Before anybody looks whether there is such an image: what cannot be is refused at every address alike.
            read_want(address, asked.query)
        place = await self._resolve(principal, address, asked)
        if place.moved_to is not None:
            return Moved(place.moved_to)
        assert address is not None, "it was resolved"
        if isinstance(address, BlobAddress):
            found = await self._delivery.get_upload(place.principal, place.image_id)
            return Found(found, place.signed_until_s)
        if isinstance(address, StablePath):
            found = await self._delivery.get_variant(place.principal, address, wait_s=asked.wait_s or 0.0)
            return Found(found, place.signed_until_s)
        return await self._find_made(place, address, asked)

    async def _resolve(self, principal: Principal, address: Address | None, asked: Asked) -> Place:
        if asked.signed_target is not None:
            # A wrong signature opens nothing, whatever else would: it says that somebody changed the address.
            return await self._addressing.resolve_signed(address, asked.signed_target)
        if address is None:
            raise _missing()
        return await self._addressing.resolve(principal, address)

    async def _find_made(self, place: Place, address: MadeAddress, asked: Asked) -> Found:
        want = read_want(address, asked.query)
        wish = await self._choose(place, want, asked.prefer)
        found = await self._on_demand.get(
            place.principal, place.image_id, wish, wait_s=asked.wait_s, address=asked.client
        )
        may_be_page = isinstance(address, ShortAddress) and address.may_be_page
        is_unannounced = isinstance(address, PrettyAddress | CloudflareAddress) or isinstance(want.size, Transform)
        return Found(found, place.signed_until_s, want.is_negotiable or may_be_page, is_unannounced)

    async def _choose(self, place: Place, want: Want, prefer: Prefer) -> Wish:
        """The file that is wanted; whether the caller may have it is asked later, and of no file that there is not."""
        image_id = place.image_id
        async with self._database.read() as db:
            image = (await find_images(db, [image_id])).get(image_id)
        if image is None:
            raise _missing()
        if not place.principal.owns(image.owner_id, Scope.IMAGES_READ):
            want = replace(want, size=_for_strangers(want.size))
        stored = _stored_format(image)
        if want.is_negotiable:
            liked = [family for family in prefer(stored) if family is not Family.AVIF or (image.frames or 1) == 1]
            return Wish(await self._on_demand.choose_family(image_id, want.size, liked), want.size)
        wish = named_wish(want, stored)
        if wish is None:
            raise _missing()
        return wish


def _stored_format(image: ImageRecord) -> ImageFormat | None:
    if image.format is None:
        return None
    return stored_format(Family.ORIGINAL, image.format, has_alpha=bool(image.has_alpha))


def _for_strangers(size: str | Transform) -> str | Transform:
    """Where a photograph was taken is for its owner, who may sign such an address, to tell."""
    if isinstance(size, Transform) and size.metadata is MetadataPolicy.KEEP:
        return replace(size, metadata=MetadataPolicy.COPYRIGHT)
    return size


def _missing() -> NotFound:
    return NotFound("There is no such image or variant.")
