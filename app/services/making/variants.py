"""Plan more variants of an image, try failed ones again, and tell what a policy would make."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.db.accounts import find_account
from app.db.engine import Database, Transaction, utc_now
from app.db.images import bump_revision, find_image, settle_state
from app.db.presets import read_presets
from app.db.records import ImageRecord
from app.db.snapshots import ImageSnapshot, read_snapshots
from app.db.variants import replan_failed
from app.domain.access import Principal, Scope, require_account
from app.domain.formats import FORMATS_BY_MEDIA_TYPE, MEDIA_TYPES
from app.domain.headers.facts import Budget
from app.domain.library_events import LibraryEventKind
from app.domain.plans import Plan
from app.domain.policy import (
    ProcessingPolicy,
    Profile,
    Refusal,
    ThumbnailPreferences,
    Wanted,
    default_families,
    find_refusals,
    resolve_policy,
)
from app.domain.variant_sizes import plan_variant
from app.domain.variants import ORIGINAL, Derivative, Family, Preset, VariantState, stored_format
from app.errors import InvalidFileType, InvalidRequest, NotFound, Unauthorized
from app.events.bus import EventBus
from app.ids import ImageId
from app.jobs import RenderQueue
from app.services.accounts.accounts import AccountService, Preferences, preferences_of
from app.services.making.planning import plan_more

MAX_PLANNED_SIDE_PX = 1_000_000
"""Of a picture that is only asked about; what is uploaded has the budget's limits."""


@dataclass(frozen=True, slots=True)
class PlannedSize:
    """One variant that a policy would make, with the size in pixels that it would have."""

    derivative: Derivative
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class ProcessingPlan:
    """What a policy would make of a file, before anything is sent."""

    policy: ProcessingPolicy
    planned: tuple[PlannedSize, ...]
    refused: tuple[Refusal, ...]


class VariantService:
    """What is going to be made."""

    def __init__(
        self, database: Database, accounts: AccountService, bus: EventBus, queue: RenderQueue, budget: Budget
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._bus = bus
        self._queue = queue
        self._budget = budget

    async def generate(
        self, principal: Principal, image_id: ImageId, derivatives: Sequence[Derivative]
    ) -> ImageSnapshot:
        """Plan those of the derivatives that the image lacks; those that are there in any state stay as they are.

        Needs the scope IMAGES_WRITE.

        Raises:
            NotFound: there is no such image of the caller's.
            InvalidRequest, DerivativeNotAllowed: one of them cannot be.
        """
        return await self._generate(principal, image_id, lambda _plan, _thumbnails: tuple(derivatives))

    async def generate_sizes(self, principal: Principal, image_id: ImageId, sizes: Sequence[str]) -> ImageSnapshot:
        """The same for sizes whose families nobody names: those that the owner's new images get, or else the original.

        Needs the scope IMAGES_WRITE.

        Raises:
            NotFound: there is no such image of the caller's.
            InvalidRequest: there is no such size, or there are none or too many.
        """

        def choose(plan: Plan, thumbnails: ThumbnailPreferences) -> tuple[Derivative, ...]:
            families = default_families(plan, thumbnails) or [Family.ORIGINAL]
            return tuple(Derivative(family, size) for size in sizes for family in families)

        return await self._generate(principal, image_id, choose)

    async def _generate(
        self,
        principal: Principal,
        image_id: ImageId,
        choose: Callable[[Plan, ThumbnailPreferences], tuple[Derivative, ...]],
    ) -> ImageSnapshot:
        async with self._database.write() as db:
            image = await self._hold(db, principal, image_id)
            account = await find_account(db, image.owner_id)
            if account is None:
                raise Unauthorized("This account is gone.")
            thumbnails = preferences_of(account).thumbnails
            presets = await read_presets(db, account.id)
            plan = self._accounts.plan_of(account)
            wanted = Wanted(Profile.CUSTOM, choose(plan, thumbnails))
            policy = resolve_policy(wanted, plan, preferences=thumbnails, presets=presets)
            await plan_more(db, image, policy.derivatives)
            snapshot = (await read_snapshots(db, [image.id]))[image.id]
        await self._set_going(snapshot)
        return snapshot

    async def retry(self, principal: Principal, image_id: ImageId) -> ImageSnapshot:
        """Give every FAILED variant of an image new tries. Needs the scope IMAGES_WRITE.

        Raises:
            NotFound: there is no such image of the caller's.
        """
        now = utc_now()
        async with self._database.write() as db:
            image = await self._hold(db, principal, image_id)
            before = (await read_snapshots(db, [image.id]))[image.id]
            if not any(variant.state is VariantState.FAILED for variant in before.variants):
                return before
            revision = await bump_revision(db, image.id, now=now) or 0
            await replan_failed(db, image.id, now=now, revision=revision)
            await settle_state(db, image.id)
            snapshot = (await read_snapshots(db, [image.id]))[image.id]
        await self._set_going(snapshot)
        return snapshot

    async def plan(
        self, principal: Principal, wanted: Wanted, *, width_px: int, height_px: int, media_type: str
    ) -> ProcessingPlan:
        """What a policy would make of a picture of this size. Needs the scope IMAGES_WRITE.

        Raises:
            InvalidRequest: the profile cannot be asked for, or the size is none.
            InvalidFileType: nothing is made of files of this media type.
        """
        owner_id = require_account(principal, Scope.IMAGES_WRITE)
        if media_type not in FORMATS_BY_MEDIA_TYPE:
            facts = {"detected": media_type[:100], "allowed": list(MEDIA_TYPES.values())}
            raise InvalidFileType("Nothing is made of files of this type.", details=facts)
        _check_side(width_px, "width")
        _check_side(height_px, "height")
        async with self._database.read() as db:
            account = await find_account(db, owner_id)
            presets = await read_presets(db, owner_id)
        if account is None:
            raise Unauthorized("This account is gone.")
        plan = self._accounts.plan_of(account)
        refused = find_refusals(wanted.derivatives, plan, presets)
        policy = _resolve_rest(wanted, plan, preferences_of(account), refused, presets)
        sizes = []
        for derivative in policy.planned:
            try:
                sizes.append(self._plan_size(derivative, presets, (width_px, height_px), media_type))
            except InvalidRequest as error:
                refused.append(Refusal(derivative, error.message))
        return ProcessingPlan(policy, tuple(sizes), tuple(refused))

    def _plan_size(
        self, derivative: Derivative, presets: Mapping[str, Preset], source_px: tuple[int, int], media_type: str
    ) -> PlannedSize:
        if derivative == ORIGINAL:
            return PlannedSize(derivative, *source_px)  # cleaned, not rendered
        codec = stored_format(derivative.family, FORMATS_BY_MEDIA_TYPE[media_type])
        final = plan_variant(presets[derivative.size], codec, source_px, budget=self._budget).final
        return PlannedSize(derivative, *final)

    async def _hold(self, db: Transaction, principal: Principal, image_id: ImageId) -> ImageRecord:
        owner_id = require_account(principal, Scope.IMAGES_WRITE)
        image = await find_image(db, image_id, for_update=True)
        if image is not None and image.alias_of is not None:
            image = await find_image(db, image.alias_of, for_update=True)
        if image is None or image.owner_id != owner_id or image.deleted_at is not None:
            raise NotFound("There is no such image.")
        return image

    async def _set_going(self, snapshot: ImageSnapshot) -> None:
        if not snapshot.image.is_draft:
            attempt = max(variant.attempt for variant in snapshot.variants)
            # Planned after the image's other variants were claimed: a round of its own, as that job's id may be taken.
            await self._queue.enqueue(snapshot.image.id, attempt=attempt, round_=snapshot.image.revision)
        await self._bus.publish([snapshot.image.id], kind=LibraryEventKind.VARIANTS_CHANGED)


def _check_side(side_px: int, field: str) -> None:
    if not 1 <= side_px <= MAX_PLANNED_SIDE_PX:
        message = f"{field} must be between 1 and {MAX_PLANNED_SIDE_PX} pixels."
        raise InvalidRequest(message, details={"field": field})


def _resolve_rest(
    wanted: Wanted,
    plan: Plan,
    preferences: Preferences,
    refused: Sequence[Refusal],
    presets: Mapping[str, Preset],
) -> ProcessingPolicy:
    """The policy without what is refused; a session would be refused as a whole."""
    names = {refusal.derivative for refusal in refused}
    rest = tuple(derivative for derivative in wanted.derivatives if derivative not in names)
    if wanted.profile is Profile.CUSTOM and refused and not rest:
        return ProcessingPolicy(Profile.CUSTOM, ())
    return resolve_policy(replace(wanted, derivatives=rest), plan, preferences=preferences.thumbnails, presets=presets)
