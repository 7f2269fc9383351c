"""What subscriptions push."""

from collections.abc import Hashable

import strawberry

from app.domain.access import Principal
from app.schema.enums import ImageState, LibraryEventKind, SessionState, VariantState
from app.schema.images import Image, image_of
from app.schema.scalars import BigInt
from app.schema.uploads import UploadSession, session_of
from app.schema.variants import Variant, variant_of
from app.services.watching.image_watching import Readiness, SessionProgress, is_complete, state_of
from app.services.watching.library_watcher import LibraryChange


@strawberry.type(description="How far an image is.")
class Progress:
    """Counts of variants."""

    total: int = strawberry.field(description="Variants in all.")
    ready: int = strawberry.field(description="Those that are READY.")
    failed: int = strawberry.field(description="Those that are FAILED.")


@strawberry.type(
    description="The whole of one image's readiness at one moment. The first event is the state now, sent at once; "
    "every later one says what changed since the one before. Nothing can be missed: an event carries the state, "
    "not a difference."
)
class StableVariantsEvent:
    """One event of stableVariants; what is not asked for is not built."""

    readiness: strawberry.Private[Readiness]
    fanout_key: strawberry.Private[Hashable]
    """Events with the same key read the same to their watchers, so that one execution serves them all."""

    @strawberry.field(
        description="Image.revision; pass it back as `after`: with the current one there is no first event, "
        "with an older one `changed` holds what changed since."
    )
    def revision(self) -> int:
        return self.readiness.snapshot.image.revision

    @strawberry.field(description="The image.")
    def image(self) -> Image:
        return image_of(self.readiness.snapshot)

    @strawberry.field(description="Those whose state differs from the event before (all of them in the first).")
    def changed(self) -> list[Variant]:
        return [variant_of(self.readiness.snapshot, record) for record in self.readiness.changed]

    @strawberry.field(description="All of them.")
    def stable_variants(self) -> list[Variant]:
        return [variant_of(self.readiness.snapshot, record) for record in self.readiness.snapshot.variants]

    @strawberry.field(description="How far it is.")
    def progress(self) -> Progress:
        states = [record.state for record in self.readiness.snapshot.variants]
        ready, failed = states.count(VariantState.READY), states.count(VariantState.FAILED)
        return Progress(total=len(states), ready=ready, failed=failed)

    @strawberry.field(description="Nothing is on its way any more: this is the last event.")
    def complete(self) -> bool:
        return is_complete(self.readiness.snapshot)

    @strawberry.field(description="Complete, and something is FAILED.")
    def failed(self) -> bool:
        return self.readiness.snapshot.image.state is ImageState.FAILED


@strawberry.type(description="A session on its way from open to ready image.")
class UploadSessionEvent:
    """One event of uploadSession."""

    session: UploadSession = strawberry.field(description="The session.")
    image: Image = strawberry.field(description="The image that it becomes.")
    state: SessionState = strawberry.field(description="Same as session.state.")
    received_bytes: BigInt = strawberry.field(description="Bytes that have come; told at most 4 times a second.")


@strawberry.type(description="Something that happened to one of the caller's images.")
class LibraryEvent:
    """One event of library; what is not asked for is not built."""

    change: strawberry.Private[LibraryChange]
    fanout_key: strawberry.Private[Hashable]

    @strawberry.field(description="What happened.")
    def kind(self) -> LibraryEventKind:
        return self.change.kind

    @strawberry.field(description="To which image.")
    def image_id(self) -> strawberry.ID:
        return strawberry.ID(str(self.change.image_id))

    @strawberry.field(description="The image as it is now, in the trash too. Null once purged.")
    def image(self) -> Image | None:
        return image_of(self.change.snapshot) if self.change.snapshot is not None else None


def library_event_of(change: LibraryChange, principal: Principal) -> LibraryEvent:
    """One event of a library, for its owner."""
    snapshot = change.snapshot
    state = (snapshot.image.revision, snapshot.image.updated_at) if snapshot is not None else None
    return LibraryEvent(change=change, fanout_key=(change.kind, change.image_id, state, principal.sharing_key))


def readiness_event_of(readiness: Readiness, principal: Principal) -> StableVariantsEvent:
    """One step of an image's readiness, for this watcher."""
    image = readiness.snapshot.image
    changed = tuple(record.id for record in readiness.changed)
    key = (image.id, image.revision, image.updated_at, changed, principal.sharing_key)
    return StableVariantsEvent(readiness=readiness, fanout_key=key)


def session_event_of(progress: SessionProgress) -> UploadSessionEvent:
    """One step of a session, for clients."""
    return UploadSessionEvent(
        session=session_of(progress.session, progress.snapshot),
        image=image_of(progress.snapshot),
        state=state_of(progress.session),
        received_bytes=BigInt(progress.received_bytes),
    )
