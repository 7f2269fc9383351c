"""Send what an address wishes, making it first where it is missing."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from app.db.accounts import find_account
from app.db.engine import Database, utc_now
from app.db.images import find_images
from app.db.on_demand import find_derivative, list_ready_families
from app.db.presets import read_presets
from app.db.records import AccountRecord, ImageRecord, SessionRecord, VariantRecord
from app.db.snapshots import ImageSnapshot
from app.db.uploads import find_session_of_image
from app.domain.access import Principal, Scope, Visibility
from app.domain.headers.facts import Budget
from app.domain.transforms import Transform
from app.domain.variant_sizes import plan_variant
from app.domain.variants import ORIGINAL, Derivative, Family, Preset, VariantState, stored_format
from app.domain.wishes import Wish, size_name
from app.errors import NotFound, RenderFailed, VariantNotReady
from app.ids import ImageId
from app.services.accounts.accounts import AccountService, preferences_of
from app.services.delivery.deliverables import Deliverable, describe
from app.services.delivery.misses import Misses, may_begin, next_try_at
from app.services.delivery.store_health import StoreHealth
from app.services.watching.feeds import Feeds, ImageFeed, Watcher
from app.services.watching.image_watching import closing_error

HOLD_S = 10.0
"""How long a request is held where it does not say: nearly every render takes less than one second."""
_LOOK_AGAIN_S = 2.0
_ROUNDS = 4
"""A variant that goes while it is waited for, because the image was replaced, is asked for again so many times."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What the rows say of a wish at one moment."""

    image: ImageRecord
    owner: AccountRecord
    variant: VariantRecord | None
    preset: Preset | None
    """Behind the wished size; None for a free transformation, and where the owner has none of this name."""
    session: SessionRecord | None
    """Of a draft."""

    @property
    def is_open_to_all(self) -> bool:
        """May anyone see this size, whatever the image's visibility?"""
        return self.preset is not None and self.preset.never_require_signed_urls

    @property
    def is_hopeless(self) -> bool:
        """Will no bytes come any more?"""
        return self.image.is_draft and self.session is not None and closing_error(self.session) is not None


class OnDemand:
    """Decides whether a wish may be fulfilled, has it begun, and waits."""

    def __init__(
        self,
        database: Database,
        accounts: AccountService,
        feeds: Feeds,
        misses: Misses,
        health: StoreHealth,
        *,
        budget: Budget,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._feeds = feeds
        self._misses = misses
        self._health = health
        self._budget = budget

    async def get(
        self, principal: Principal, image_id: ImageId, wish: Wish, *, wait_s: float | None = None, address: str
    ) -> Deliverable:
        """The wished file, made now where it is missing, waiting up to `wait_s` seconds (None: `HOLD_S`) for it.

        Whoever holds a signed address comes with the owner's principal. `address` is the client's, whose budget a
        render is charged to.

        Raises:
            NotFound: there is no such image or size, it is not the caller's to see, or the owner lets nobody make up
                transformations.
            InvalidRequest: the result would be too large.
            VariantNotReady: it was not made in time; it will be, for whoever comes again.
            StoreUnavailable: it is not made just now, as the store is away.
            RenderFailed: it cannot be made.
            RateLimited: this client address has had too much made within the last minute.
        """
        deadline = asyncio.get_running_loop().time() + (HOLD_S if wait_s is None else wait_s)
        look = await self._look(principal, image_id, wish)
        if look.variant is None or look.variant.state is not VariantState.READY:
            making = self._make(principal, look, wish, deadline=deadline, address=address)
            look = await self._health.hold(making)
        assert look.variant is not None, "it was made"
        found = describe(look.image, look.variant, look.owner, look.preset)
        return replace(found, is_public=True) if look.is_open_to_all else found

    async def choose_family(self, image_id: ImageId, size: str | Transform, liked: Sequence[Family]) -> Family:
        """Which of the families that a client likes, best first, it is sent: the first that is there already.

        Where none is, the last that the owner's plan makes; ORIGINAL where it makes none of them.
        """
        async with self._database.read() as db:
            image = (await find_images(db, [image_id])).get(image_id)
            owner = await find_account(db, image.owner_id) if image is not None else None
            if image is None or owner is None:
                return Family.ORIGINAL
            ready = await list_ready_families(db, image.id, size_name(size))
        allowed = self._accounts.plan_of(owner).allowed_families
        makeable = [Family.ORIGINAL, *(family for family in liked if family in allowed)]
        return next((family for family in liked if family in ready), makeable[-1])

    async def _make(self, principal: Principal, look: _Look, wish: Wish, *, deadline: float, address: str) -> _Look:
        async with self._feeds.watching(look.image.id) as (feed, watcher):
            for _ in range(_ROUNDS):
                if look.variant is not None and look.variant.state is VariantState.READY:
                    return look
                if look.variant is None and look.image.is_draft:
                    # Nothing can be begun before there are bytes.
                    is_awaited = _is_without_bytes
                else:
                    await self._begin(look, wish, address=address)
                    is_awaited = partial(_is_under_way, wish.derivative)
                is_in_time = await _wait_while(is_awaited, feed, watcher, deadline)
                look = await self._look(principal, look.image.id, wish)
                if not is_in_time:
                    break
        if look.variant is not None and look.variant.state is VariantState.READY:
            return look
        if look.variant is not None and look.variant.state is VariantState.FAILED:
            raise _failure_of(look.variant)
        raise VariantNotReady("This variant is not ready yet. Try again in a moment.", retry_after_s=1)

    async def _begin(self, look: _Look, wish: Wish, *, address: str) -> None:
        if may_begin(look.variant, now=utc_now()):
            self._check_may_be_made(look, wish)
            await self._misses.begin(look.image, wish, address=address)
        elif look.variant is not None and look.variant.state is VariantState.FAILED:
            raise _failure_of(look.variant)

    async def _look(self, principal: Principal, image_id: ImageId, wish: Wish) -> _Look:
        async with self._database.read() as db:
            image = (await find_images(db, [image_id])).get(image_id)
            owner = await find_account(db, image.owner_id) if image is not None else None
            if image is None or owner is None:
                raise _missing()
            presets = {} if isinstance(wish.size, Transform) else await read_presets(db, owner.id)
            preset = None if isinstance(wish.size, Transform) else presets.get(wish.size)
            variant = await find_derivative(db, image.id, wish.derivative)
            session = await find_session_of_image(db, image_id) if image.is_draft else None
        look = _Look(image, owner, variant, preset, session)
        self._check_may_see(principal, look, wish)
        return look

    def _check_may_see(self, principal: Principal, look: _Look, wish: Wish) -> None:
        is_owners = principal.owns(look.image.owner_id, Scope.IMAGES_READ)
        is_open = look.image.visibility is Visibility.PUBLIC or look.is_open_to_all
        if look.image.deleted_at is not None or look.is_hopeless or not (is_owners or is_open):
            raise _missing()
        if wish.is_free:
            # Told apart by nobody: whether it was made before, by whom, and whether it could be.
            if not (is_owners or preferences_of(look.owner).flexible_variants):
                raise _missing()
        elif look.variant is None and not self._is_made_for(look, wish):
            raise _missing()

    def _is_made_for(self, look: _Look, wish: Wish) -> bool:
        families = self._accounts.plan_of(look.owner).allowed_families
        return look.preset is not None and (wish.family in families or wish.derivative == ORIGINAL)

    def _check_may_be_made(self, look: _Look, wish: Wish) -> None:
        image, size = look.image, look.preset or wish.size
        if isinstance(size, str) or image.format is None or image.width_px is None or image.height_px is None:
            return
        codec = stored_format(wish.family, image.format, has_alpha=bool(image.has_alpha))
        # Without its focal point, which changes what is cut, and not how large it is.
        plan_variant(size, codec, (image.width_px, image.height_px), budget=self._budget)


async def _wait_while(
    is_awaited: Callable[[ImageSnapshot], bool], feed: ImageFeed, watcher: Watcher, deadline: float
) -> bool:
    """Return when what the rows say is not awaited any more; False where it takes too long."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(deadline):
            snapshot = await feed.read_now()
            while snapshot is not None and is_awaited(snapshot):
                if not feed.is_holding:
                    return False
                has_news = await watcher.wait(min(_LOOK_AGAIN_S, deadline - loop.time()))
                # Without news the rows are asked: a hint can be lost, and many who wait share one reading. That one is
                # news itself, so that asking after news would never end.
                snapshot = feed.latest if has_news else await feed.read_now()
    except TimeoutError:
        return False
    return loop.time() < deadline


def _is_without_bytes(snapshot: ImageSnapshot) -> bool:
    session = snapshot.session
    return snapshot.image.is_draft and (session is None or closing_error(session) is None)


def _is_under_way(derivative: Derivative, snapshot: ImageSnapshot) -> bool:
    return any(
        record.derivative == derivative and not record.is_final for record in (*snapshot.variants, *snapshot.making)
    )


def _missing() -> NotFound:
    return NotFound("There is no such image or variant.")


def _failure_of(variant: VariantRecord) -> RenderFailed:
    message = variant.error_message or "This variant could not be made."
    if not variant.is_on_demand:
        return RenderFailed(message)
    pause_s = (next_try_at(variant) - utc_now()).total_seconds()
    return RenderFailed(message, retry_after_s=max(1, round(pause_s)))
