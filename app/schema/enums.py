"""The words of the schema that come from a fixed list: the house's own enums, described for clients."""

from enum import Enum

import strawberry

from app.domain.access import Scope, Visibility
from app.domain.albums import AlbumDeletion
from app.domain.library_events import LibraryEventKind
from app.domain.listing import Direction, OrderField
from app.domain.outputs import OutputFormat
from app.domain.policy import Profile
from app.domain.states import ImageState, SessionState
from app.domain.variants import Family, Fit, MetadataPolicy, VariantState
from app.errors import ErrorCode


def _describe(kind: type[Enum], name: str, description: str, **values: str) -> None:
    """Make `kind` an enum of the schema. Every value must be described, and nothing else may be."""
    missing = {member.name for member in kind} ^ set(values)
    assert not missing, f"{name}: {missing}"
    strawberry.enum(kind, name=name, description=description)
    for value in kind.__strawberry_definition__.values:  # type: ignore[attr-defined]  # put there by the line above
        value.description = values[value.name]


_describe(
    Visibility,
    "Visibility",
    "Who may see an image.",
    PUBLIC="Anyone with the address may see it.",
    PRIVATE="Only the owner, or whoever holds a signed URL.",
)
_describe(
    Family,
    "VariantFamily",
    "What a variant is encoded as. In paths the lower-case name stands.",
    ORIGINAL="The upload's own format where browsers show it; JPEG (PNG where there is transparency) for HEIC.",
    JPEG="JPEG: no transparency, no animation.",
    PNG="PNG: lossless, a still.",
    WEBP="WebP: small, transparent, keeps animations moving.",
    AVIF="AVIF: the smallest; a still.",
)
_describe(
    VariantState,
    "VariantState",
    "Where a variant is on its way.",
    PLANNED="Wanted, and not begun.",
    RENDERING="A worker is making it.",
    READY="Its URL answers 200.",
    FAILED="It could not be made; `error` says why.",
)
_describe(
    ImageState,
    "ImageState",
    "Where an image is on its way.",
    AWAITING_UPLOAD="The upload session is open and no complete file has arrived.",
    PROCESSING="The original is stored and addressable; planned variants are on their way.",
    READY="Every planned variant is READY.",
    FAILED="Nothing is on its way any more and at least one planned variant is FAILED. The original still serves.",
)
_describe(
    LibraryEventKind,
    "LibraryEventKind",
    "What happened to an image.",
    IMAGE_CREATED="Its upload was answered: from now on it is listed.",
    IMAGE_UPDATED="What is said of it, where it is, or its bytes; or more than one of these.",
    VARIANTS_CHANGED="Something of it became READY or FAILED, or is planned.",
    IMAGE_DELETED="It is in the trash.",
    IMAGE_RESTORED="It is back from the trash.",
    IMAGE_PURGED="It is gone for good.",
)
_describe(
    Profile,
    "ProcessingProfile",
    "What was asked to be made of a file.",
    DEFAULT="The owner's defaults, frozen when the session was opened.",
    ORIGINAL_ONLY="Only the uploaded original.",
    CUSTOM="Exactly the derivatives that were asked for.",
    LEGACY="Only ever answered: images from before policies were recorded. Refused as input.",
)
_describe(
    MetadataPolicy,
    "MetadataPolicy",
    "What EXIF data an output keeps. Colour is always right and orientation always applied.",
    NONE="Nothing.",
    COPYRIGHT="Copyright and artist.",
    KEEP="All of it, the place included.",
)
_describe(
    Fit,
    "Fit",
    "Meaning of the box, as Cloudflare Images documents it.",
    SCALE_DOWN="Shrunk to fit inside the box, never enlarged.",
    CONTAIN="As large as fits inside the box.",
    COVER="Fills the box exactly; what stands over is cut off.",
    CROP="Like COVER, but never enlarged.",
    PAD="As large as fits inside the box, which is filled up with the background.",
)
_describe(
    OutputFormat,
    "OutputFormat",
    "What a transformation is encoded as.",
    AUTO="What the request's Accept header likes best.",
    ORIGINAL="The upload's own format.",
    JPEG="JPEG.",
    PNG="PNG.",
    WEBP="WebP.",
    AVIF="AVIF.",
)
_describe(
    SessionState,
    "UploadSessionState",
    "Where an upload session is on its way.",
    OPEN="Waits for its file.",
    RECEIVING="The file is coming in, or is being looked at.",
    COMPLETED="The file is stored; the image takes its way.",
    EXPIRED="Its time ran out.",
    CANCELLED="The owner closed it.",
    FAILED="The bytes were refused; `error` says why.",
)
_describe(
    Scope,
    "Scope",
    "What a credential may do. In REST and on the command line written images:read and so on.",
    IMAGES_READ="Read the account's images, private ones and drafts included.",
    IMAGES_WRITE="Open upload sessions, change and delete images.",
    ALBUMS_READ="Read albums.",
    ALBUMS_WRITE="Make, change and delete albums.",
    VARIANTS_READ="Read the account's own presets.",
    VARIANTS_WRITE="Make, change and delete presets.",
    KEYS_READ="Read API keys (never their secrets) and signing keys.",
    KEYS_WRITE="Make and revoke keys.",
    ACCOUNT_READ="Read the account, its limits and what it uses.",
    ACCOUNT_WRITE="Change preferences.",
    ADMIN="Everything.",
)
_describe(
    ErrorCode,
    "ErrorCode",
    "What went wrong, for programs: `extensions.code` of every error. Codes are only ever added.",
    INVALID_REQUEST="The request cannot be understood or breaks a rule; `details.field` names the input.",
    UNAUTHORIZED="No credential, or none that is good.",
    FORBIDDEN="The credential lacks the scope.",
    NOT_FOUND="There is nothing of this name that the caller may see.",
    CONFLICT="Somebody else holds what was asked for, or its state does not allow it.",
    RATE_LIMITED="Too many requests; `retryAfter` says when to come back, in seconds.",
    INVALID_FILE_TYPE="The bytes are no picture of a format that is taken.",
    FILE_TOO_LARGE="More bytes than the session or the plan allows.",
    IMAGE_TOO_LARGE="More pixels or frames than the server decodes.",
    INVALID_IMAGE="The bytes cannot be decoded as the picture they claim to be.",
    CHECKSUM_MISMATCH="Other bytes came than those whose SHA-256 was announced.",
    QUOTA_EXCEEDED="The account's storage is used up.",
    UPLOAD_EXPIRED="The session expired or was cancelled.",
    UPLOAD_ALREADY_USED="The session has taken its one file, or another request is sending it.",
    UPLOAD_INCOMPLETE="The body ended before its own end.",
    DERIVATIVE_NOT_ALLOWED="Plan or server do not make a derivative that was asked for.",
    VARIANT_NOT_READY="Planned, and not made yet.",
    RENDER_FAILED="A variant could not be made.",
    RENDER_TIMEOUT="Rendering overstayed its time.",
    URL_NOT_ALLOWED="This address may not be fetched.",
    FETCH_FAILED="The address could not be fetched.",
    QUERY_TOO_COMPLEX="The document costs more than one request may.",
    UNAVAILABLE="A part of the server does not answer; try again.",
    INTERNAL="Our fault; the request id finds it in the log.",
)
_describe(
    OrderField,
    "ImageOrderField",
    "What a list of images is ordered by.",
    CREATED_AT="When its session was opened.",
    UPDATED_AT="When anything of it last changed.",
    FILENAME="Its filename, by code points: capitals before small letters.",
    BYTE_SIZE="Bytes of the upload.",
    VIEWS="How often it was looked at.",
    TAKEN_AT="When the camera took it; images that do not say so come last in either direction.",
)
_describe(Direction, "OrderDirection", "Which end comes first.", ASC="The smallest first.", DESC="The largest first.")
_describe(
    AlbumDeletion,
    "AlbumDeletion",
    "What becomes of the images of an album that is deleted.",
    KEEP_IMAGES="They stay, in no album.",
    DELETE_IMAGES="They go into the trash, in no album.",
)

__all__ = [
    "AlbumDeletion",
    "Direction",
    "ErrorCode",
    "Family",
    "Fit",
    "ImageState",
    "LibraryEventKind",
    "MetadataPolicy",
    "OrderField",
    "OutputFormat",
    "Profile",
    "Scope",
    "SessionState",
    "VariantState",
    "Visibility",
]
