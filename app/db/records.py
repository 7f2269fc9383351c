"""What is read from the tables: frozen rows, typed, safe to share between tasks.

Each record has its table's columns in their order (a test compares them), so that building one is a plain call. They
are named tuples, as a list of 50 images with their 44 columns each takes six times as long to become dataclasses.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app.domain.access import Visibility
from app.domain.formats import ImageFormat
from app.domain.policy import ProcessingPolicy
from app.domain.states import ImageState, SessionState
from app.domain.variants import ATTEMPT_STRIDE, Derivative, Family, Fit, MetadataPolicy, VariantState
from app.ids import AccountId, AlbumId, ApiKeyId, ImageId, PresetId, SessionId, VariantId


class AccountRecord(NamedTuple):
    """A row of `accounts`."""

    id: AccountId
    username: str
    display_name: str | None
    email: str | None
    status: str
    plan: str
    account_hash: str
    password_hash: str | None
    subject: str | None
    preferences: dict[str, object]
    created_at: datetime
    last_login_at: datetime | None
    credential_generation: int
    is_guest: bool


class ApiKeyRecord(NamedTuple):
    """A row of `api_keys`."""

    id: ApiKeyId
    account_id: AccountId
    name: str
    prefix: str
    secret_hash: str
    scopes: list[str]
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    sign_in_id: UUID | None


class ImageRecord(NamedTuple):
    """A row of `images`."""

    id: ImageId
    short_id: str
    owner_id: AccountId
    custom_id: str | None
    custom_key: str | None
    alias_of: ImageId | None
    album_id: AlbumId | None
    filename: str
    title: str | None
    alt: str | None
    description: str | None
    creator: str | None
    meta: dict[str, object]
    tags: list[str]
    visibility: Visibility
    is_nsfw: bool
    processing: dict[str, object]
    state: ImageState
    revision: int
    generation: int
    format: ImageFormat | None
    byte_size: int | None
    width_px: int | None
    height_px: int | None
    frames: int | None
    has_alpha: bool | None
    sha256: str | None
    upload_key: str | None
    """Object key of the very bytes that were uploaded."""
    dedupe_key: str | None
    exif: dict[str, object] | None
    taken_at: datetime | None
    focal_x: float | None
    focal_y: float | None
    views: int
    replacement_id: SessionId | None
    thumbhash: str | None
    dominant_color: str | None
    placeholder_png: str | None
    created_at: datetime
    updated_at: datetime
    uploaded_at: datetime | None
    deleted_at: datetime | None

    @property
    def policy(self) -> ProcessingPolicy:
        """What was granted when its session was opened."""
        return ProcessingPolicy.from_json(self.processing)

    @property
    def is_draft(self) -> bool:
        """No complete file has arrived (yet)."""
        return self.state is ImageState.AWAITING_UPLOAD


class VariantRecord(NamedTuple):
    """A row of `variants`."""

    id: VariantId
    image_id: ImageId
    family: Family
    size: str
    position: int
    state: VariantState
    revision: int
    generation: int
    attempt: int
    failures: int
    losses: int
    lease_until: datetime | None
    not_before: datetime | None
    width_px: int | None
    height_px: int | None
    byte_size: int | None
    content_type: str | None
    is_animated: bool | None
    sha256: str | None
    object_key: str | None
    error_code: str | None
    error_message: str | None
    is_stale: bool
    updated_at: datetime
    options: str | None
    is_on_demand: bool
    wanted_at: datetime | None
    host_faults: int
    host_faults_since: datetime | None
    starvations: int
    lacked_memory_bytes: int | None

    @property
    def derivative(self) -> Derivative:
        """Its name within the image."""
        return Derivative(self.family, self.size)

    @property
    def tries(self) -> int:
        """How often it was claimed: attempts of what was made on demand begin at a multiple of the stride."""
        return self.attempt % ATTEMPT_STRIDE

    @property
    def version(self) -> str | None:
        """The first 16 digits of the bytes' SHA-256: enough to tell any two versions of one variant apart."""
        return self.sha256[:16] if self.sha256 is not None else None

    @property
    def is_final(self) -> bool:
        """Neither planned nor under way."""
        return self.state in {VariantState.READY, VariantState.FAILED}


class SessionRecord(NamedTuple):
    """A row of `upload_sessions`."""

    id: SessionId
    owner_id: AccountId
    image_id: ImageId
    token_hash: str
    state: SessionState
    expires_at: datetime
    max_bytes: int
    received_bytes: int
    reserved_bytes: int
    sha256: str | None
    announced_sha256: str | None
    lease_id: UUID | None
    lease_until: datetime | None
    is_duplicate: bool
    is_replacement: bool
    is_kept_apart: bool
    source_url: str | None
    staged_key: str | None
    """Object key of a replacement's bytes while nobody knows yet whether they are a picture."""
    staged_tries: int
    error_code: str | None
    error_message: str | None
    error_details: dict[str, object] | None
    created_at: datetime
    updated_at: datetime


class AlbumRecord(NamedTuple):
    """A row of `albums`."""

    id: AlbumId
    owner_id: AccountId
    slug: str
    title: str
    description: str | None
    cover_id: ImageId | None
    created_at: datetime
    updated_at: datetime


class PresetRecord(NamedTuple):
    """A row of `variant_presets`."""

    id: PresetId
    owner_id: AccountId
    name: str
    fit: Fit
    width_px: int | None
    height_px: int | None
    quality: int | None
    keeps_metadata: MetadataPolicy
    never_require_signed_urls: bool
    browser_ttl_s: int | None
    created_at: datetime
    updated_at: datetime


class SigningKeyRecord(NamedTuple):
    """A row of `signing_keys`."""

    id: UUID
    owner_id: AccountId
    name: str
    value: str
    created_at: datetime


class RefreshTokenRecord(NamedTuple):
    """A row of `refresh_tokens`."""

    id: UUID
    account_id: AccountId
    chain_id: UUID
    token_hash: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
