"""Variants as clients see them: what is planned, what is ready, and where."""

from datetime import datetime

import strawberry

from app.context import Info
from app.db.records import VariantRecord
from app.db.snapshots import ImageSnapshot, stable_path
from app.domain.access import Scope
from app.domain.formats import MEDIA_TYPES, ImageFormat
from app.domain.policy import ProcessingPolicy as GrantedPolicy
from app.domain.variants import stored_format
from app.schema.enums import ErrorCode, Family, Profile, VariantState
from app.schema.node import Node
from app.schema.scalars import BigInt
from app.schema.signing import ExpiresInArgument, SignedUrl, sign_variant


@strawberry.type(description="A (family, size) that is made of an image.")
class Derivative:
    """One derivative of a policy."""

    family: Family = strawberry.field(description="What it is encoded as.")
    size: str = strawberry.field(description="A preset's name: small, medium, original, w512, thumb, og-image …")


@strawberry.type(description="What was granted when the upload session was opened; it never changes afterwards.")
class ProcessingPolicy:
    """A frozen policy."""

    profile: Profile = strawberry.field(description="What was asked for.")
    keep_original: bool = strawberry.field(description="Always true: the uploaded bytes are kept.")
    derivatives: list[Derivative] = strawberry.field(description="What is made beside the original.")

    @staticmethod
    def of(policy: GrantedPolicy) -> "ProcessingPolicy":
        """Convert what the house granted."""
        derivatives = [Derivative(family=wanted.family, size=wanted.size) for wanted in policy.derivatives]
        return ProcessingPolicy(profile=policy.profile, keep_original=True, derivatives=derivatives)


@strawberry.type(description="Why a variant could not be made.")
class VariantError:
    """A failure, told."""

    code: ErrorCode = strawberry.field(description="Stable name of the reason.")
    message: str = strawberry.field(description="A sentence for a person.")
    retryable: bool = strawberry.field(description="May `retryVariants` help?")
    attempts: int = strawberry.field(description="How often it was tried.")


# Reasons that lie in the picture or its size: trying again changes nothing.
_HOPELESS = {
    ErrorCode.DERIVATIVE_NOT_ALLOWED,
    ErrorCode.IMAGE_TOO_LARGE,
    ErrorCode.INVALID_FILE_TYPE,
    ErrorCode.INVALID_IMAGE,
}


@strawberry.type(description="One rendered file of one image. Its `url` is known before it exists and never changes.")
class Variant(Node):
    """A variant of a snapshot."""

    record: strawberry.Private[VariantRecord]
    snapshot: strawberry.Private[ImageSnapshot]

    @strawberry.field(description="What it is encoded as.")
    def family(self) -> Family:
        return self.record.family

    @strawberry.field(description="A preset's name.")
    def size(self) -> str:
        return self.record.size

    @strawberry.field(description="Stable URL: {base}/f/{image id}/{family}/{size}.{ext}. Never signed, never changes.")
    def url(self, info: Info) -> str:
        return info.context.addresses.base_url + stable_path(self.snapshot, self.record.derivative)

    @strawberry.field(
        description="True exactly when a GET of `url` answers 200 with these bytes (of a private one: of `signedUrl`)."
    )
    def ready(self) -> bool:
        return self.record.state is VariantState.READY and self.snapshot.image.deleted_at is None

    @strawberry.field(description="`url` with a signature, for a private image's page. Null for all but the owner.")
    async def signed_url(self, info: Info, expires_in: ExpiresInArgument = 3600) -> SignedUrl | None:
        return await sign_variant(info, self.snapshot, self.record.derivative, expires_in_s=expires_in)

    @strawberry.field(description="Hash of the bytes, for `?v=`; null until READY.")
    def version(self) -> str | None:
        return self.record.version

    @strawberry.field(description="Where it is on its way.")
    def state(self) -> VariantState:
        return self.record.state

    @strawberry.field(description="Pixels; null until READY.")
    def width(self) -> int | None:
        return self.record.width_px

    @strawberry.field(description="Pixels; null until READY.")
    def height(self) -> int | None:
        return self.record.height_px

    @strawberry.field(description="Bytes; null until READY.")
    def byte_size(self) -> BigInt | None:
        return None if self.record.byte_size is None else BigInt(self.record.byte_size)

    @strawberry.field(description="Media type. Null for ORIGINAL until the bytes have come.")
    def content_type(self) -> str | None:
        return self.record.content_type or _expected_type(self.snapshot, self.record.family)

    @strawberry.field(description="Does it move? Null until READY.")
    def animated(self) -> bool | None:
        return self.record.is_animated

    @strawberry.field(description="Where the bytes lie now; null until READY, and for all but the owner.")
    def storage_url(self, info: Info) -> str | None:
        return owned_object_url(info, self.snapshot, self.record.object_key)

    @strawberry.field(description="Why it is FAILED; null otherwise.")
    def error(self) -> VariantError | None:
        return _error_of(self.record)

    @strawberry.field(description="When its state last changed.")
    def updated_at(self) -> datetime:
        return self.record.updated_at


def variant_of(snapshot: ImageSnapshot, record: VariantRecord) -> Variant:
    """One variant of an image, for clients."""
    return Variant(id=strawberry.ID(str(record.id)), record=record, snapshot=snapshot)


def owned_object_url(info: Info, snapshot: ImageSnapshot, object_key: str | None) -> str | None:
    """Where an object lies, for those who may know."""
    if object_key is None or not info.context.principal.owns(snapshot.image.owner_id, Scope.IMAGES_READ):
        return None
    return info.context.object_url(object_key)


def _expected_type(snapshot: ImageSnapshot, family: Family) -> str | None:
    uploaded = snapshot.image.format
    if family is not Family.ORIGINAL:
        return MEDIA_TYPES[ImageFormat(family.value)]
    if uploaded is None:
        return None
    return MEDIA_TYPES[stored_format(family, uploaded, has_alpha=bool(snapshot.image.has_alpha))]


def _error_of(record: VariantRecord) -> VariantError | None:
    if record.error_code is None:
        return None
    code = ErrorCode(record.error_code)
    return VariantError(
        code=code,
        message=record.error_message or "It could not be made.",
        retryable=code not in _HOPELESS,
        attempts=record.tries,
    )
