"""What a page about an image is made of, for whoever opens it."""

from dataclasses import dataclass, replace

from app.db.accounts import find_account
from app.db.credentials import list_signing_keys
from app.db.engine import Database
from app.db.records import AccountRecord
from app.db.snapshots import ImageSnapshot, read_snapshots
from app.domain.access import ANONYMOUS, Principal, Visibility
from app.domain.addresses import Address
from app.errors import NotFound
from app.services.delivery.addressing import AddressingService, Place
from app.services.delivery.linking import Linker
from app.services.filing.visibility import is_public, may_see


@dataclass(frozen=True, slots=True)
class Shown:
    """An image with its owner, as one visitor may see it."""

    snapshot: ImageSnapshot
    owner: AccountRecord
    linker: Linker
    """Of a private image its addresses are signed, no longer than the page's own is."""

    @property
    def is_public(self) -> bool:
        """May anybody see it?"""
        return is_public(self.snapshot.image)


class ShowingService:
    """Who may open the page of an image is who may see the image."""

    def __init__(self, database: Database, addressing: AddressingService, base_url: str, cdn_url: str) -> None:
        self._database = database
        self._addressing = addressing
        self._base_url = base_url
        self._cdn_url = cdn_url

    async def show(self, principal: Principal, address: Address, *, signed_target: str | None = None) -> Shown:
        """The image behind an address; `signed_target` is the path with its query, where that is signed.

        Raises:
            Forbidden: the signature is not good.
            NotFound: there is no such image, or it is not the caller's to see.
        """
        if signed_target is not None:
            place = await self._addressing.resolve_signed(address, signed_target)
        else:
            place = await self._addressing.resolve(principal, address)
        return await self._read(place)

    async def show_public(self, address: Address) -> Shown:
        """The image behind an address, if anybody may see it.

        Raises:
            NotFound: there is none, or not for everybody.
        """
        return await self._read(await self._addressing.resolve(ANONYMOUS, address))

    async def _read(self, place: Place) -> Shown:
        async with self._database.read() as db:
            snapshot = (await read_snapshots(db, [place.image_id])).get(place.image_id)
            if snapshot is None or not may_see(place.principal, snapshot) or snapshot.image.deleted_at is not None:
                raise NotFound("There is no such image.")
            owner = await find_account(db, snapshot.image.owner_id)
            assert owner is not None, "a foreign key holds it"
            is_private = snapshot.image.visibility is Visibility.PRIVATE
            # Nothing of a public image is signed for visitors: a signature would outlive its being public.
            keys = (await list_signing_keys(db, [owner.id]))[owner.id] if is_private else None
        linker = Linker(snapshot, self._base_url, self._cdn_url, keys or None, until_s=place.signed_until_s)
        return Shown(replace(snapshot, owner=owner), owner, linker)
