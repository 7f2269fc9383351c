"""Find the image that an address means, for whoever asks, and whether it is called otherwise by now."""

import time
from dataclasses import dataclass

from app.db.accounts import find_account, find_account_by_name
from app.db.addresses import (
    NamedPlace,
    Spot,
    find_account_by_hash,
    find_at,
    find_moved,
    find_owner_of_place,
    list_album_ids,
)
from app.db.albums import find_album
from app.db.credentials import list_signing_keys
from app.db.engine import Database, Transaction
from app.db.images import find_image, find_image_by
from app.db.records import ImageRecord
from app.domain.access import Principal, Scope, Visibility
from app.domain.addresses import Address, CloudflareAddress, PrettyAddress, ShortAddress
from app.domain.filenames import split_filename
from app.domain.formats import FORMATS_BY_EXTENSION
from app.domain.links import make_pretty_path
from app.domain.signatures import verify
from app.domain.variants import BUILT_IN_PRESETS
from app.errors import Forbidden, NotFound
from app.ids import AccountId, AlbumId, ImageId, make_custom_key, make_uuid
from app.services.delivery.deliverables import is_free_size


@dataclass(frozen=True, slots=True)
class Place:
    """What an address turned out to mean."""

    principal: Principal
    """As whom to go on: whoever holds a signed address sees its image as the owner does."""
    image_id: ImageId
    signed_until_s: int | None = None
    """When the signature ends, in Unix seconds; None where there is none."""
    moved_to: str | None = None
    """The path below `{cdn}` where the image is by now, without a size."""


@dataclass(frozen=True, slots=True)
class _Meant:
    image_id: ImageId
    is_old: bool = False


class AddressingService:
    """Nobody learns of a private image, whatever the address: who may not see it finds nothing there."""

    def __init__(self, database: Database, *, base_path: str) -> None:
        self._database = database
        self._base_path = base_path

    async def resolve(self, principal: Principal, address: Address) -> Place:
        """The image behind an address that is not signed.

        Raises:
            NotFound: there is none, or none of this name that the caller may see.
        """
        if not isinstance(address, PrettyAddress | ShortAddress | CloudflareAddress):
            return Place(principal, address.image_id)
        async with self._database.read() as db:
            owner_id = await _find_owner_for(db, address, principal)
            meant = None if owner_id is None else await _find_image(db, address, owner_id, principal)
            if meant is None:
                raise NotFound("There is no such image or variant.")
            moved_to = await _read_place(db, meant.image_id) if meant.is_old else None
        return Place(principal, meant.image_id, moved_to=moved_to)

    async def resolve_signed(self, address: Address | None, path_and_query: str) -> Place:
        """The image behind a signed address; one that is called otherwise by now is not moved, as it was signed so.

        Raises:
            Forbidden: none of the owner's keys signed it, its time is over, or there is no such image.
        """
        async with self._database.read() as db:
            owner_id = await _find_owner(db, address) if address is not None else None
            # As many statements where there is no such owner, whose absence would be quicker otherwise.
            asked_id = owner_id or AccountId(make_uuid())
            values = [record.value for record in (await list_signing_keys(db, [asked_id]))[asked_id]]
            until_s = verify(path_and_query, values, now_s=time.time(), base_path=self._base_path)
            meant = None
            if owner_id is not None and until_s is not None and address is not None:
                principal = Principal(owner_id, frozenset({Scope.IMAGES_READ}))
                meant = await _find_image(db, address, owner_id, principal)
        if meant is None:
            raise Forbidden("The signature of this address is not good, or its time is over.")
        return Place(principal, meant.image_id, until_s)


async def _find_owner_for(db: Transaction, address: Address, principal: Principal) -> AccountId | None:
    """The owner of an image that the caller may see; a hidden one costs as many statements as a missing one."""
    if isinstance(address, PrettyAddress):
        own_size = address.size if address.size not in BUILT_IN_PRESETS else None
        viewer_id = principal.account_id if principal.has(Scope.IMAGES_READ) else None
        filenames = _spellings(address.filename)
        place = NamedPlace(address.owner_name, address.album_slug, filenames, viewer_id, own_size)
        return await find_owner_of_place(db, place)
    if not isinstance(address, ShortAddress):
        return await _find_owner(db, address)
    image = await find_image_by(db, short_id=address.short_id)
    owner_id = image.owner_id if image is not None else AccountId(make_uuid())
    is_free = await is_free_size(db, owner_id, address.size)
    return owner_id if image is not None and (is_free or _may_pass(principal, image)) else None


def _may_pass(principal: Principal, image: ImageRecord) -> bool:
    """May this image be the caller's to see? Of an alias its own image decides, later."""
    if image.visibility is Visibility.PUBLIC or image.alias_of is not None:
        return True
    return principal.owns(image.owner_id, Scope.IMAGES_READ) or principal.upload_image_id == image.id


async def _find_owner(db: Transaction, address: Address) -> AccountId | None:
    if isinstance(address, PrettyAddress):
        account = await find_account_by_name(db, address.owner_name)
        return account.id if account is not None else None
    if isinstance(address, CloudflareAddress):
        account = await find_account_by_hash(db, address.account_hash)
        return account.id if account is not None else None
    if isinstance(address, ShortAddress):
        image = await find_image_by(db, short_id=address.short_id)
    else:
        image = await find_image(db, address.image_id)
    return image.owner_id if image is not None else None


async def _find_image(db: Transaction, address: Address, owner_id: AccountId, principal: Principal) -> _Meant | None:
    if isinstance(address, PrettyAddress):
        return await _find_pretty(db, address, owner_id, principal)
    if isinstance(address, ShortAddress):
        image = await find_image_by(db, short_id=address.short_id)
    elif isinstance(address, CloudflareAddress):
        image = await find_image(db, address.image_id) if address.image_id is not None else None
        if image is None or image.owner_id != owner_id:
            image = await find_image_by(db, custom_key=make_custom_key(owner_id, address.name))
    else:
        image = await find_image(db, address.image_id)
    return _Meant(image.id) if image is not None and image.owner_id == owner_id else None


async def _find_pretty(
    db: Transaction, address: PrettyAddress, owner_id: AccountId, principal: Principal
) -> _Meant | None:
    sees_all = principal.owns(owner_id, Scope.IMAGES_READ) or await is_free_size(db, owner_id, address.size)
    places: list[tuple[AlbumId | None, bool]] = [(None, False)]
    if address.album_slug is not None:
        places = [*await list_album_ids(db, owner_id, address.album_slug)]
    for album_id, is_old in places:
        spot = Spot(owner_id, album_id, _spellings(address.filename), is_public_only=not sees_all)
        here = await find_at(db, spot)
        if here is not None:
            return _Meant(here, is_old)
        moved = await find_moved(db, spot)
        if moved is not None:
            return _Meant(moved, is_old=True)
    return None


def _spellings(filename: str) -> list[str]:
    """The filename, and where it may lack its extension the same with each that a picture may have."""
    if split_filename(filename)[1].lower().removeprefix(".") in FORMATS_BY_EXTENSION:
        return [filename]
    extensions = [spelled for known in FORMATS_BY_EXTENSION for spelled in (known, known.upper(), known.title())]
    return [filename, *(f"{filename}.{extension}" for extension in extensions)]


async def _read_place(db: Transaction, image_id: ImageId) -> str:
    image = await find_image(db, image_id)
    assert image is not None, "it was found in the same transaction"
    owner = await find_account(db, image.owner_id)
    assert owner is not None, "an image has an owner"
    album = await find_album(db, image.album_id) if image.album_id is not None else None
    return make_pretty_path(owner.username, album.slug if album is not None else None, image.filename)
