"""Upload sessions as clients see them, and what is needed to open one."""

from datetime import datetime

import strawberry
from strawberry.utils.await_maybe import AwaitableOrValue

from app.context import Info
from app.db.records import SessionRecord
from app.db.snapshots import ImageSnapshot
from app.schema.enums import ErrorCode, Family, Profile, SessionState, Visibility
from app.schema.images import Album, Image, album_around, image_of
from app.schema.node import Node
from app.schema.scalars import JSON, BigInt
from app.schema.variants import ProcessingPolicy
from app.services.watching.image_watching import state_of


@strawberry.type(description="Why the bytes of a session were refused.")
class UploadError:
    """A refusal, told."""

    code: ErrorCode = strawberry.field(description="Stable name of the reason.")
    message: str = strawberry.field(description="A sentence for a person.")
    details: JSON | None = strawberry.field(description="Facts for a program.")


@strawberry.type(description="Leave to send one file, and where it stands.")
class UploadSession(Node):
    """A session with the image that it leads to."""

    record: strawberry.Private[SessionRecord]
    snapshot: strawberry.Private[ImageSnapshot]
    secret: strawberry.Private[str | None] = None

    @strawberry.field(description="Takes the bytes: POST multipart (part `file`) or PUT raw.")
    def upload_url(self, info: Info) -> str:
        return f"{info.context.addresses.base_url}/upload/{self.record.id}"

    @strawberry.field(
        description="Bearer token for `uploadUrl`, good for this one file. "
        "Only in the answer of the mutation that opened the session; null ever after."
    )
    def token(self) -> str | None:
        return self.secret

    @strawberry.field(
        description="`uploadUrl` with the token inside, for senders that can set no header. Like `token`, shown once."
    )
    def one_time_url(self, info: Info) -> str | None:
        if self.secret is None:
            return None
        return f"{info.context.addresses.base_url}/upload/{self.record.id}?token={self.secret}"

    @strawberry.field(description="Where it is on its way.")
    def state(self) -> SessionState:
        return state_of(self.record)

    @strawberry.field(description="No bytes are taken from then on.")
    def expires_at(self) -> datetime:
        return self.record.expires_at

    @strawberry.field(description="The smaller of fileSize and the plan's limit.")
    def max_bytes(self) -> BigInt:
        return BigInt(self.record.max_bytes)

    @strawberry.field(description="Bytes that have come.")
    def received_bytes(self) -> BigInt:
        return BigInt(self.record.received_bytes)

    @strawberry.field(
        description="Where the image will be; null in none, and for all but the owner.", graphql_type=Album | None
    )
    def album(self, info: Info) -> AwaitableOrValue[Album | None]:
        return album_around(info, self.snapshot)

    @strawberry.field(description="Will the image be marked not safe for work?")
    def is_nsfw(self) -> bool:
        return self.snapshot.image.is_nsfw

    @strawberry.field(description="Who will see the image.")
    def visibility(self) -> Visibility:
        return self.snapshot.image.visibility

    @strawberry.field(description="What was granted.")
    def processing(self) -> ProcessingPolicy:
        return ProcessingPolicy.of(self.snapshot.image.policy)

    @strawberry.field(
        description="The image this becomes: its id and stable URLs hold from now on. "
        "After a duplicate, the image that was there before, of which the draft's id stays an alias for ever."
    )
    def image(self) -> Image:
        return image_of(self.snapshot)

    @strawberry.field(description="Were the bytes there already?")
    def duplicate(self) -> bool:
        return self.record.is_duplicate

    @strawberry.field(description="Why it is FAILED; null otherwise.")
    def error(self) -> UploadError | None:
        if self.record.error_code is None:
            return None
        return UploadError(
            code=ErrorCode(self.record.error_code),
            message=self.record.error_message or "The upload was refused.",
            details=None if self.record.error_details is None else JSON(self.record.error_details),
        )

    @strawberry.field(description="When it was opened.")
    def created_at(self) -> datetime:
        return self.record.created_at


def session_of(record: SessionRecord, snapshot: ImageSnapshot, secret: str | None = None) -> UploadSession:
    """A session, for clients; `secret` in the answer that opened it only."""
    return UploadSession(id=strawberry.ID(str(record.id)), record=record, snapshot=snapshot, secret=secret)


@strawberry.input(description="A (family, size) to be made.")
class DerivativeInput:
    """One wanted derivative."""

    family: Family = strawberry.field(description="What to encode it as.")
    size: str = strawberry.field(description="A preset's name: small, medium, w128 … w2048, thumb, og-image, public.")


@strawberry.input(description="What shall be made of a file.")
class ProcessingInput:
    """A wanted policy."""

    profile: Profile = strawberry.field(description="LEGACY is refused.")
    derivatives: list[DerivativeInput] | None = strawberry.field(
        default=None, description="For CUSTOM, and only there: exactly these, at most 60."
    )


@strawberry.input(description="What is known of a file before it is sent.")
class CreateUploadSessionInput:
    """A request for a session."""

    file_size: BigInt = strawberry.field(description="Bytes, > 0. More than this is refused while it arrives.")
    filename: str | None = strawberry.field(default=None, description="Only its last path component is kept.")
    album_id: strawberry.ID | None = strawberry.field(default=None, description="The album it shall be in.")
    album_slug: str | None = strawberry.field(default=None, description="The album it shall be in, by its slug.")
    tags: list[str] | None = strawberry.field(default=None, description="At most 50, each of at most 64 characters.")
    title: str | None = strawberry.field(default=None, description="At most 255 characters.")
    alt: str | None = strawberry.field(default=None, description="At most 5,000 characters.")
    description: str | None = strawberry.field(default=None, description="At most 5,000 characters.")
    creator: str | None = strawberry.field(default=None, description="At most 1,024 characters.")
    metadata: JSON | None = strawberry.field(default=None, description="An object of at most 1,024 bytes as JSON.")
    custom_id: str | None = strawberry.field(default=None, description="The owner's own id, at most 1,024 characters.")
    is_nsfw: bool | None = strawberry.field(default=None, description="Omitted: the owner's default.")
    visibility: Visibility | None = strawberry.field(default=None, description="Omitted: the owner's default.")
    processing: ProcessingInput | None = strawberry.field(default=None, description="Omitted: DEFAULT.")
    expires_in: int = strawberry.field(default=1800, description="Seconds, 120 to 21,600.")
    sha256: str | None = strawberry.field(
        default=None, description="Lower-case hex of the file's SHA-256; other bytes than these are refused."
    )
    allow_duplicate: bool = strawberry.field(
        default=False,
        description="True: an image of its own, even where the account has these bytes already; "
        "later uploads are not taken for its duplicates either.",
    )
    captcha_token: str | None = strawberry.field(
        default=None, description="Proof of a CAPTCHA, where the server asks for one; this one does not."
    )


@strawberry.type(description="A session was opened.")
class CreateUploadSessionPayload:
    """Answer of createUploadSession."""

    session: UploadSession = strawberry.field(description="The session, with its token this once.")
    duplicate: bool = strawberry.field(description="Were the bytes there already, so that nothing need be sent?")


@strawberry.type(description="A session was closed.")
class CancelUploadSessionPayload:
    """Answer of cancelUploadSession."""

    session: UploadSession = strawberry.field(description="The session, CANCELLED.")


@strawberry.type(description="A variant that a policy would make.")
class PlannedVariant:
    """One planned variant."""

    family: Family = strawberry.field(description="What it would be encoded as.")
    size: str = strawberry.field(description="A preset's name.")
    width: int = strawberry.field(description="Pixels.")
    height: int = strawberry.field(description="Pixels.")


@strawberry.type(description="A derivative that would not be made.")
class RefusedDerivative:
    """One refusal."""

    family: Family = strawberry.field(description="As asked for.")
    size: str = strawberry.field(description="As asked for.")
    code: ErrorCode = strawberry.field(description="Why not, for a program.")
    message: str = strawberry.field(description="Why not, for a person.")


@strawberry.type(description="What a policy would make of a file, before anything is sent.")
class ProcessingPlan:
    """Answer of planProcessing."""

    policy: ProcessingPolicy = strawberry.field(description="What would be granted, without what is refused.")
    variants: list[PlannedVariant] = strawberry.field(description="What would be made.")
    refused: list[RefusedDerivative] = strawberry.field(
        description="What would not; a session that asked for any of these would be refused as a whole."
    )
