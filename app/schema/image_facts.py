"""What an image says of itself: every field of it that needs nothing but its row and its variants."""

from datetime import datetime

import strawberry

from app.context import Info
from app.db.records import VariantRecord
from app.db.snapshots import ImageSnapshot, stable_path
from app.domain.access import Scope
from app.domain.formats import MEDIA_TYPES
from app.domain.links import make_view_path
from app.domain.variants import ORIGINAL, Derivative
from app.schema.arguments import SizeArgument, VariantFamilyArgument
from app.schema.enums import Family, ImageState, VariantState, Visibility
from app.schema.exif import Exif, FocalPoint, exif_of, focal_point_of
from app.schema.node import Node
from app.schema.placeholders import Placeholder, placeholder_of
from app.schema.scalars import JSON, BigInt
from app.schema.variants import ProcessingPolicy, Variant, owned_object_url, variant_of
from app.services.library.trash import purge_at
from app.services.watching.image_watching import is_complete


@strawberry.type(description="What an image says of itself alone.")
class ImageFacts(Node):
    """The fields of Image that need nothing but its snapshot; the schema knows only `Image`."""

    snapshot: strawberry.Private[ImageSnapshot]

    @strawberry.field(description="8 to 12 characters of [0-9A-Za-z].")
    def short_id(self) -> str:
        return self.snapshot.image.short_id

    @strawberry.field(description="The owner's own id for it.")
    def custom_id(self) -> str | None:
        return self.snapshot.image.custom_id

    @strawberry.field(description="Name of the file, extension included; at most 255 bytes.")
    def filename(self) -> str:
        return self.snapshot.image.filename

    @strawberry.field(description="Title, at most 255 characters.")
    def title(self) -> str | None:
        return self.snapshot.image.title

    @strawberry.field(description="What stands in for the picture where it cannot be seen.")
    def alt(self) -> str | None:
        return self.snapshot.image.alt

    @strawberry.field(description="At most 5,000 characters.")
    def description(self) -> str | None:
        return self.snapshot.image.description

    @strawberry.field(description="At most 50, each of at most 64 characters.")
    def tags(self) -> list[str]:
        return self.snapshot.image.tags

    @strawberry.field(description="The owner's own name for who made it, at most 1,024 characters.")
    def creator(self) -> str | None:
        return self.snapshot.image.creator

    @strawberry.field(description="The owner's own key-value object, at most 1,024 bytes of JSON; {} for others.")
    def metadata(self, info: Info) -> JSON:
        return JSON(self.snapshot.image.meta if is_owner(info, self.snapshot) else {})

    @strawberry.field(description="Who may see it.")
    def visibility(self) -> Visibility:
        return self.snapshot.image.visibility

    @strawberry.field(description="Not safe for work, as the owner says.")
    def is_nsfw(self) -> bool:
        return self.snapshot.image.is_nsfw

    @strawberry.field(description="Media type of the upload. Null while AWAITING_UPLOAD, as are the facts below.")
    def content_type(self) -> str | None:
        uploaded = self.snapshot.image.format
        return None if uploaded is None else MEDIA_TYPES[uploaded]

    @strawberry.field(description="Bytes of the upload.")
    def byte_size(self) -> BigInt | None:
        size = self.snapshot.image.byte_size
        return None if size is None else BigInt(size)

    @strawberry.field(description="Pixels as displayed, after orientation.")
    def width(self) -> int | None:
        return self.snapshot.image.width_px

    @strawberry.field(description="Pixels as displayed, after orientation.")
    def height(self) -> int | None:
        return self.snapshot.image.height_px

    @strawberry.field(description="1 for a still.")
    def frames(self) -> int | None:
        return self.snapshot.image.frames

    @strawberry.field(description="SHA-256 of the uploaded bytes, lower-case hex.")
    def sha256(self) -> str | None:
        return self.snapshot.image.sha256

    @strawberry.field(description="What to show until the picture is there. Null until it was decoded.")
    def placeholder(self) -> Placeholder | None:
        return placeholder_of(self.snapshot.image)

    @strawberry.field(description="Where it is on its way.")
    def state(self) -> ImageState:
        return self.snapshot.image.state

    @strawberry.field(
        description="Grows with every change of its variants' readiness; what `stableVariants(after:)` takes."
    )
    def revision(self) -> int:
        return self.snapshot.image.revision

    @strawberry.field(description="No planned variant is on its way any more, and no replacement session is open.")
    def complete(self) -> bool:
        return is_complete(self.snapshot)

    @strawberry.field(description="At least one planned variant is FAILED and none is on its way.")
    def failed(self) -> bool:
        return self.snapshot.image.state is ImageState.FAILED

    @strawberry.field(description="What was granted when its session was opened.")
    def processing(self) -> ProcessingPolicy:
        return ProcessingPolicy.of(self.snapshot.image.policy)

    @strawberry.field(description="Families that are intended.")
    def planned_variants(self) -> list[Family]:
        return list(dict.fromkeys(record.family for record in self.snapshot.variants))

    @strawberry.field(description="Families of which something is READY.")
    def available_variants(self) -> list[Family]:
        return list(dict.fromkeys(record.family for record in _ready(self.snapshot)))

    @strawberry.field(description="Ready ones only, in the order of stableVariants.")
    def variants(self) -> list[Variant]:
        return [variant_of(self.snapshot, record) for record in _ready(self.snapshot)]

    @strawberry.field(
        description="The original, every planned variant, and any other made since: predictable URL and `ready`."
    )
    def stable_variants(self) -> list[Variant]:
        return [variant_of(self.snapshot, record) for record in self.snapshot.variants]

    @strawberry.field(description="One variant; null where it was not planned.")
    def variant(
        self, family: VariantFamilyArgument = Family.ORIGINAL, size: SizeArgument = "original"
    ) -> Variant | None:
        wanted = Derivative(family, size)
        found = (record for record in self.snapshot.variants if record.derivative == wanted)
        return next((variant_of(self.snapshot, record) for record in found), None)

    @strawberry.field(description="Same as stableUrl.")
    def url(self, info: Info) -> str:
        return info.context.addresses.base_url + stable_path(self.snapshot, ORIGINAL)

    @strawberry.field(description="Stable URL of the served original: {base}/f/{id}/original/original.{ext}.")
    def stable_url(self, info: Info) -> str:
        return info.context.addresses.base_url + stable_path(self.snapshot, ORIGINAL)

    @strawberry.field(description="Where the uploaded bytes lie now. Null for all but the owner.")
    def storage_url(self, info: Info) -> str | None:
        return owned_object_url(info, self.snapshot, self.snapshot.image.upload_key)

    @strawberry.field(description="Those whose storageUrl the caller may see.")
    def storage_variants(self, info: Info) -> list[Variant]:
        return self.variants() if is_owner(info, self.snapshot) else []

    @strawberry.field(
        description="How often its pictures were sent whole, at any size, to others than the owner; a few seconds late."
    )
    def views(self) -> int:
        return self.snapshot.image.views

    @strawberry.field(description="When its session was opened.")
    def created_at(self) -> datetime:
        return self.snapshot.image.created_at

    @strawberry.field(description="When anything of it last changed.")
    def updated_at(self) -> datetime:
        return self.snapshot.image.updated_at

    @strawberry.field(description="Set while it is in the trash.")
    def deleted_at(self) -> datetime | None:
        return self.snapshot.image.deleted_at

    @strawberry.field(description="When the trash empties itself of it; null while it is not in there.")
    def purge_at(self) -> datetime | None:
        return purge_at(self.snapshot.image)

    @strawberry.field(description="What the camera noted; null where it noted nothing.")
    def exif(self, info: Info) -> Exif | None:
        return exif_of(self.snapshot.image, is_owner=is_owner(info, self.snapshot))

    @strawberry.field(description="What must stay in the picture when something is cut off; null for the centre.")
    def focal_point(self) -> FocalPoint | None:
        return focal_point_of(self.snapshot.image)

    @strawberry.field(description="Relative path of the HTML page, /i/{shortId}.")
    def view_url(self) -> str:
        return make_view_path(self.snapshot.image.short_id)

    @strawberry.field(description="{cdn}/i/{shortId}.")
    def short_url(self, info: Info) -> str:
        return info.context.addresses.cdn_url + make_view_path(self.snapshot.image.short_id)


def is_owner(info: Info, snapshot: ImageSnapshot) -> bool:
    """Does the caller own it?"""
    return info.context.principal.owns(snapshot.image.owner_id, Scope.IMAGES_READ)


def _ready(snapshot: ImageSnapshot) -> list[VariantRecord]:
    if snapshot.image.deleted_at is not None:
        return []
    return [record for record in snapshot.variants if record.state is VariantState.READY]
