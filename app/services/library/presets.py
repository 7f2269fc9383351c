"""The sizes that an owner may ask for: read them, make own ones, change and delete those with all that uses them."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from app.db.accounts import find_account
from app.db.engine import Database, Transaction, utc_now
from app.db.images import bump_revision, settle_state
from app.db.on_demand import list_free
from app.db.presets import (
    delete_preset,
    find_preset,
    find_preset_by_id,
    insert_preset,
    list_presets,
    preset_of,
    read_presets,
    update_preset,
)
from app.db.records import ImageRecord, PresetRecord
from app.db.remaking import (
    count_changes,
    delete_selected,
    list_failed,
    list_images,
    make_anew,
    of_ids,
    of_image,
    of_owner,
)
from app.db.variants import replan_failed
from app.domain.access import Principal, Scope, require_account
from app.domain.browser_ttl import check_browser_ttl
from app.domain.library_events import LibraryEventKind
from app.domain.presets import (
    MAX_OWN_PRESETS,
    NAMES_BY_BUILT_IN_ID,
    built_in_id,
    check_box,
    check_name,
    check_quality,
    check_side,
)
from app.domain.transforms import parse_options
from app.domain.variants import BUILT_IN_PRESETS, Fit, MetadataPolicy, Preset
from app.errors import Conflict, InvalidRequest, NotFound, Unauthorized, Unavailable
from app.events.bus import EventBus
from app.ids import AccountId, ImageId, make_uuid
from app.jobs import RenderQueue
from app.storage.port import ObjectKey, ObjectStore

ASKED_AT_ONCE = 50
"""So many images are put on the queue at once for being made anew: uploads shall not have to wait behind thousands."""
_HINTS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class PresetView:
    """A preset as its owner sees it; `quality` is None where the usual one is meant."""

    id: UUID
    preset: Preset
    quality: int | None
    is_built_in: bool


class PresetChange(TypedDict, total=False):
    """A change of a preset: a key that is absent keeps, None clears."""

    fit: Fit | None
    width_px: int | None
    height_px: int | None
    quality: int | None
    metadata: MetadataPolicy | None
    never_require_signed_urls: bool | None
    browser_ttl_s: int | None


class PresetService:
    """A change is one transaction, with all the variants that it concerns; what must be made follows by itself."""

    def __init__(self, database: Database, store: ObjectStore, bus: EventBus, queue: RenderQueue) -> None:
        self._database = database
        self._store = store
        self._bus = bus
        self._queue = queue

    async def list(self, principal: Principal) -> list[PresetView]:
        """The built-in ones, then the caller's own by name. Needs the scope VARIANTS_READ."""
        owner_id = require_account(principal, Scope.VARIANTS_READ)
        async with self._database.read() as db:
            own = await list_presets(db, owner_id)
        return [*(_built_in(preset) for preset in BUILT_IN_PRESETS.values()), *(_view(record) for record in own)]

    async def find(self, principal: Principal, name: str) -> PresetView | None:
        """The preset of this name, if the caller may use it. Needs the scope VARIANTS_READ."""
        owner_id = require_account(principal, Scope.VARIANTS_READ)
        if name in BUILT_IN_PRESETS:
            return _built_in(BUILT_IN_PRESETS[name])
        async with self._database.read() as db:
            record = await find_preset(db, owner_id, name)
        return _view(record) if record is not None else None

    async def find_by_id(self, principal: Principal, preset_id: UUID) -> PresetView | None:
        """The preset of this id; None for a foreign one, and for callers who may read none."""
        if principal.account_id is None or not principal.has(Scope.VARIANTS_READ):
            return None
        if preset_id in NAMES_BY_BUILT_IN_ID:
            return _built_in(BUILT_IN_PRESETS[NAMES_BY_BUILT_IN_ID[preset_id]])
        async with self._database.read() as db:
            record = await find_preset_by_id(db, preset_id)
        return _view(record) if record is not None and record.owner_id == principal.account_id else None

    async def create(self, principal: Principal, name: str, wanted: PresetChange) -> PresetView:
        """Make an own preset. Needs the scope VARIANTS_WRITE.

        Raises:
            Conflict: there is one of this name, in whatever case its letters are.
            InvalidRequest: a value cannot be, or there are 100 already.
        """
        owner_id = require_account(principal, Scope.VARIANTS_WRITE)
        columns, now = _checked(wanted), utc_now()
        row = {"id": make_uuid(), "owner_id": owner_id, "name": check_name(name), "created_at": now, **_EMPTY}
        async with self._database.write() as db:
            own = await self._hold(db, owner_id)
            # Object keys are file names: file systems there are that take `Hero` and `hero` for the same.
            if name.lower() in {taken.lower() for taken in (*BUILT_IN_PRESETS, *(record.name for record in own))}:
                raise Conflict(f"There is a preset called {name!r} already.", details={"field": "name"})
            if len(own) >= MAX_OWN_PRESETS:
                message = f"An account may have at most {MAX_OWN_PRESETS} presets. Delete one first."
                raise InvalidRequest(message, details={"field": "name"})
            await insert_preset(db, {**row, **columns, "updated_at": now})
            return _view(_with_box(await _get(db, owner_id, name)))

    async def update(self, principal: Principal, name: str, change: PresetChange) -> PresetView:
        """Change an own preset; what was made with it is made anew, and serves as it is until then.

        Needs the scope VARIANTS_WRITE.

        Raises:
            NotFound: there is none of this name.
            Conflict: it is built in.
            InvalidRequest: a value cannot be.
        """
        owner_id = require_account(principal, Scope.VARIANTS_WRITE)
        columns, now = _checked(change), utc_now()
        selection = of_owner(owner_id, name)
        waiting: list[ImageId] = []
        changed: list[ImageId] = []
        outdated: list[ImageId] = []
        async with self._database.write() as db:
            await self._hold(db, owner_id)
            before = await _get(db, owner_id, name)
            await update_preset(db, before.id, {**columns, "updated_at": now})
            after = _with_box(await _get(db, owner_id, name))
            if _pixels(before) != _pixels(after):
                changed = await _plan_failed(db, owner_id, name, now=now)
                waiting = await make_anew(db, selection, now=now)
            if before.never_require_signed_urls != after.never_require_signed_urls:
                changed = list(await count_changes(db, selection, now=now))
            if before.browser_ttl_s != after.browser_ttl_s:
                # Nothing becomes of the images that a watcher would see: only answers in memory are over.
                outdated = await list_images(db, selection)
        await self._announce(changed, LibraryEventKind.VARIANTS_CHANGED)
        await self._announce(outdated)
        for image_id in waiting[:ASKED_AT_ONCE]:
            await self._queue.enqueue(image_id, attempt=0, round_=int(now.timestamp() * 1000))
        return _view(after)

    async def delete(self, principal: Principal, name: str) -> str:
        """Delete an own preset with every variant that was made with it, or was to be. Needs the scope VARIANTS_WRITE.

        Raises:
            NotFound: there is none of this name.
            Conflict: it is built in.
        """
        owner_id = require_account(principal, Scope.VARIANTS_WRITE)
        now, selection = utc_now(), of_owner(owner_id, name)
        async with self._database.write() as db:
            await self._hold(db, owner_id)
            record = await _get(db, owner_id, name)
            changed = await count_changes(db, selection, now=now)
            keys = await delete_selected(db, selection)
            for image_id in [image_id for image_id, may_settle in changed.items() if may_settle]:
                await settle_state(db, image_id)
            await delete_preset(db, record.id)
        await self._announce(list(changed), LibraryEventKind.VARIANTS_CHANGED)
        # What the store does not delete now is an orphan, and orphans are looked for.
        with contextlib.suppress(Unavailable):
            await self._store.delete([ObjectKey.parse(key) for key in keys])
        return name

    async def _hold(self, db: Transaction, owner_id: AccountId) -> Sequence[PresetRecord]:
        """The owner's presets, which no other transaction changes before this one ends."""
        if await find_account(db, owner_id, for_update=True) is None:
            raise Unauthorized("This account is gone.")
        return await list_presets(db, owner_id)

    async def _announce(self, image_ids: Sequence[ImageId], kind: LibraryEventKind | None = None) -> None:
        for start in range(0, len(image_ids), _HINTS_AT_ONCE):
            some = image_ids[start : start + _HINTS_AT_ONCE]
            await self._bus.publish(some, kind=kind)


async def remake_cropped(db: Transaction, image: ImageRecord) -> bool:
    """Have those variants of an image made anew that its focal point decides about; is there any?

    For a transaction that has changed the focal point: whoever commits it puts the image on the queue.
    """
    cropping = [name for name, preset in (await read_presets(db, image.owner_id)).items() if preset.may_crop]
    free = [
        variant.id
        for variant in await list_free(db, image.id)
        if variant.options is not None and parse_options(variant.options).needs_focal_point
    ]
    remade = await make_anew(db, of_image(image.id, cropping), now=utc_now())
    return bool(remade + await make_anew(db, of_ids(free), now=utc_now()))


_EMPTY: dict[str, object] = {
    "width_px": None,
    "height_px": None,
    "quality": None,
    "keeps_metadata": MetadataPolicy.NONE,
    "never_require_signed_urls": False,
    "browser_ttl_s": None,
}


def _checked(change: PresetChange) -> dict[str, object]:
    """The columns of what is changed.

    Raises:
        InvalidRequest: a value cannot be.
    """
    columns: dict[str, object] = {}
    if "fit" in change:
        if change["fit"] is None:
            raise InvalidRequest("fit cannot be cleared.", details={"field": "fit"})
        columns["fit"] = change["fit"]
    if "width_px" in change:
        columns["width_px"] = check_side(change["width_px"], field="width")
    if "height_px" in change:
        columns["height_px"] = check_side(change["height_px"], field="height")
    if "quality" in change:
        columns["quality"] = check_quality(change["quality"])
    if "metadata" in change:
        columns["keeps_metadata"] = change["metadata"] or MetadataPolicy.NONE
    if "never_require_signed_urls" in change:
        columns["never_require_signed_urls"] = bool(change["never_require_signed_urls"])
    if "browser_ttl_s" in change:
        columns["browser_ttl_s"] = check_browser_ttl(change["browser_ttl_s"])
    return columns


async def _get(db: Transaction, owner_id: AccountId, name: str) -> PresetRecord:
    if name in BUILT_IN_PRESETS:
        raise Conflict("The built-in presets cannot be changed.", details={"field": "name"})
    record = await find_preset(db, owner_id, name)
    if record is None:
        raise NotFound("There is no such preset.", details={"field": "name"})
    return record


async def _plan_failed(db: Transaction, owner_id: AccountId, name: str, *, now: datetime) -> list[ImageId]:
    """Have those variants of a size tried by its new rule that failed by the old one; whose they are."""
    failed = await list_failed(db, of_owner(owner_id, name))
    for image_id in failed:
        revision = await bump_revision(db, image_id, now=now) or 0
        await replan_failed(db, image_id, now=now, revision=revision, size=name)
        await settle_state(db, image_id)
    return failed


def _with_box(record: PresetRecord) -> PresetRecord:
    """The preset as it is now written; what cannot be is undone with its transaction."""
    check_box(preset_of(record).fit, record.width_px, record.height_px)
    return record


def _pixels(record: PresetRecord) -> tuple[object, ...]:
    """What the bytes of a variant depend on."""
    preset = preset_of(record)
    return preset.fit, preset.width_px, preset.height_px, preset.quality, preset.metadata


def _built_in(preset: Preset) -> PresetView:
    return PresetView(built_in_id(preset.name), preset, preset.quality, is_built_in=True)


def _view(record: PresetRecord) -> PresetView:
    return PresetView(record.id, preset_of(record), record.quality, is_built_in=False)
