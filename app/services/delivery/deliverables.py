"""Turn an address and a caller into the object to send, or the reason not to."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from app.db.accounts import find_account
from app.db.engine import Database, Transaction
from app.db.presets import find_preset, preset_of
from app.db.records import AccountRecord, ImageRecord, VariantRecord
from app.db.snapshots import ImageSnapshot, read_watched
from app.domain.access import Principal, Scope, Visibility
from app.domain.filenames import download_filename
from app.domain.formats import EXTENSIONS, FORMATS_BY_EXTENSION, MEDIA_TYPES
from app.domain.links import StablePath
from app.domain.states import ImageState
from app.domain.variants import BUILT_IN_PRESETS, Preset, VariantState
from app.errors import NotFound, RenderFailed, Unavailable, VariantNotReady
from app.ids import AccountId, ImageId
from app.services.accounts.accounts import preferences_of
from app.services.delivery.store_health import StoreHealth
from app.services.watching.feeds import Feeds
from app.services.watching.image_watching import closing_error
from app.storage.port import ObjectKey

MAX_KEPT_BODY_BYTES = 1024 * 1024
"""Larger objects are streamed from the store each time."""


@dataclass(frozen=True, slots=True)
class Deliverable:
    """One object that may be sent now, with what its headers say."""

    image_id: ImageId
    owner_id: AccountId
    key: ObjectKey
    content_type: str
    byte_size: int
    sha256: str
    filename: str
    changed_at: datetime
    is_public: bool
    browser_ttl_s: int
    body: bytes | None = None
    """The bytes, where they are few enough to be kept."""


class DeliveryService:
    """Decides; routes speak HTTP."""

    def __init__(self, database: Database, feeds: Feeds, health: StoreHealth) -> None:
        self._database = database
        self._feeds = feeds
        self._health = health

    async def get_variant(self, principal: Principal, path: StablePath, *, wait_s: float = 0) -> Deliverable:
        """The variant that a stable path names, waiting up to `wait_s` seconds for it to become READY.

        Raises:
            NotFound: there is no such variant, or it is not the caller's to see.
            VariantNotReady: it is planned, and was not made in time.
            StoreUnavailable: it is planned, and the store is away.
            RenderFailed: it could not be made.
        """
        async with self._database.read() as db:
            snapshot = await read_watched(db, path.image_id)
            preset = None
            if snapshot is not None:
                preset = await _find_own_preset(db, snapshot.image.owner_id, path.derivative.size)
        is_free = snapshot is not None and _is_shown_to_all(snapshot.image, preset)
        if snapshot is not None and is_free:
            # Whoever may see all of it may see this.
            principal = Principal(snapshot.image.owner_id, frozenset({Scope.IMAGES_READ}))
        record = _find_visible(principal, snapshot, path)
        if wait_s > 0 and record.state in {VariantState.PLANNED, VariantState.RENDERING}:
            snapshot, record = await self._health.hold(self._wait(principal, path, wait_s))
        assert snapshot is not None, "its variant was found"
        if record.state is VariantState.FAILED:
            raise RenderFailed(record.error_message or "This variant could not be made.")
        if record.state is not VariantState.READY:
            raise VariantNotReady("This variant is not ready yet. Try again in a moment.", retry_after_s=1)
        found = await self._deliverable(snapshot, record, preset)
        return replace(found, is_public=True) if is_free else found

    async def get_upload(self, principal: Principal, image_id: ImageId) -> Deliverable:
        """The very bytes that were uploaded, for their owner.

        Raises:
            NotFound: there are none, they are in the trash, or the caller is not their owner.
        """
        async with self._database.read() as db:
            snapshot = await read_watched(db, image_id)
            owner = await find_account(db, snapshot.image.owner_id) if snapshot is not None else None
        is_there = snapshot is not None and snapshot.image.deleted_at is None
        if snapshot is None or not is_there or not principal.owns(snapshot.image.owner_id, Scope.IMAGES_READ):
            raise NotFound("There is no such image.")
        image = snapshot.image
        if image.upload_key is None or image.format is None or image.uploaded_at is None:
            raise NotFound("The image's bytes have not come yet.")
        return Deliverable(
            image_id=image.id,
            owner_id=image.owner_id,
            key=ObjectKey.parse(image.upload_key),
            content_type=MEDIA_TYPES[image.format],
            byte_size=image.byte_size or 0,
            sha256=image.sha256 or "",
            filename=download_filename(image.filename, image.format),
            changed_at=image.uploaded_at,
            is_public=False,
            browser_ttl_s=_browser_ttl_s(owner, None),
        )

    async def _wait(
        self, principal: Principal, path: StablePath, wait_s: float
    ) -> tuple[ImageSnapshot | None, VariantRecord]:
        async with self._feeds.watching(path.image_id) as (feed, watcher):
            deadline = asyncio.get_running_loop().time() + wait_s
            try:
                async with asyncio.timeout_at(deadline):
                    snapshot = await feed.read_now()
            except TimeoutError as error:  # the feed goes on asking a database that is away, for whoever has time
                raise Unavailable("The database does not answer. Try again in a moment.", retry_after_s=2) from error
            while True:
                record = _find_visible(principal, snapshot, path)
                left_s = deadline - asyncio.get_running_loop().time()
                if record.is_final or left_s <= 0 or not feed.is_holding:
                    return snapshot, record
                await watcher.wait(left_s)
                snapshot = feed.latest

    async def _deliverable(self, snapshot: ImageSnapshot, record: VariantRecord, preset: Preset | None) -> Deliverable:
        async with self._database.read() as db:
            owner = await find_account(db, snapshot.image.owner_id)
        return describe(snapshot.image, record, owner, preset)


def describe(
    image: ImageRecord, record: VariantRecord, owner: AccountRecord | None, preset: Preset | None
) -> Deliverable:
    """A READY variant as it is sent; `preset` is the owner's own behind its size, where there is one."""
    return Deliverable(
        image_id=image.id,
        owner_id=image.owner_id,
        key=ObjectKey.parse(record.object_key or ""),
        content_type=record.content_type or "application/octet-stream",
        byte_size=record.byte_size or 0,
        sha256=record.sha256 or "",
        filename=_name_of(image, record),
        changed_at=record.updated_at,
        is_public=image.visibility is Visibility.PUBLIC,
        browser_ttl_s=_browser_ttl_s(owner, preset),
    )


def _browser_ttl_s(owner: AccountRecord | None, preset: Preset | None) -> int:
    if owner is None:
        return 0
    if preset is not None and preset.browser_ttl_s is not None:
        return preset.browser_ttl_s
    return preferences_of(owner).browser_ttl_s


def _name_of(image: ImageRecord, record: VariantRecord) -> str:
    """The upload's own name, with the extension of what is sent."""
    sent = next((codec for codec, media_type in MEDIA_TYPES.items() if media_type == record.content_type), None)
    if sent is None:
        return image.filename
    if sent is image.format:
        return download_filename(image.filename, sent)
    stem, dot, extension = image.filename.rpartition(".")
    return f"{stem if dot and extension.lower() in FORMATS_BY_EXTENSION else image.filename}.{EXTENSIONS[sent]}"


async def is_free_size(db: Transaction, owner_id: AccountId, size: str | None) -> bool:
    """Does the owner's preset of this name show private images to anyone?"""
    preset = await _find_own_preset(db, owner_id, size)
    return preset is not None and preset.never_require_signed_urls


async def _find_own_preset(db: Transaction, owner_id: AccountId, size: str | None) -> Preset | None:
    if size is None or size in BUILT_IN_PRESETS:
        return None
    record = await find_preset(db, owner_id, size)
    return preset_of(record) if record is not None else None


def _is_shown_to_all(image: ImageRecord, preset: Preset | None) -> bool:
    is_free = preset is not None and preset.never_require_signed_urls
    return image.visibility is not Visibility.PUBLIC and is_free


def _find_visible(principal: Principal, snapshot: ImageSnapshot | None, path: StablePath) -> VariantRecord:
    missing = NotFound("There is no such image or variant.")
    if snapshot is None or snapshot.image.deleted_at is not None:
        raise missing
    image = snapshot.image
    if image.visibility is not Visibility.PUBLIC and not principal.owns(image.owner_id, Scope.IMAGES_READ):
        raise missing
    is_hopeless = snapshot.session is not None and closing_error(snapshot.session) is not None
    if image.state is ImageState.AWAITING_UPLOAD and is_hopeless:
        raise missing
    for record in snapshot.variants:
        if record.derivative == path.derivative:
            return record
    raise missing
