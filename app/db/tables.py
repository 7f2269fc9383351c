"""All tables, those of images first-hand. What is read from them are the records of `app.db.records`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Uuid,
    false,
    text,
)
from sqlmodel import BigInteger, Field, SQLModel

from app.db.account_tables import Account, ApiKey, RefreshToken, SigningKey
from app.db.instance_tables import Instance
from app.db.library_tables import Album, FaceNumber, ImageTag, OldPlace, OldSlug, SearchDocument, VariantPreset
from app.db.metadata import BY_CODE_POINTS, METADATA, moment
from app.db.types import JSONDocument, RowId, text_enum
from app.domain.access import Visibility
from app.domain.formats import ImageFormat
from app.domain.states import ImageState, SessionState
from app.domain.variants import Family, VariantState


class Image(SQLModel, table=True):
    """A picture, from the draft of an open session to the trash."""

    __tablename__ = "images"
    __table_args__ = (
        Index("ix_images_owner_id_created_at_id", "owner_id", "created_at", "id"),
        Index("ix_images_owner_id_updated_at_id", "owner_id", "updated_at", "id"),
        Index("ix_images_owner_id_filename_id", "owner_id", "filename", "id"),
        Index("ix_images_owner_id_byte_size_id", "owner_id", "byte_size", "id"),
        Index("ix_images_owner_id_views_id", "owner_id", "views", "id"),
        Index("ix_images_owner_id_taken_at_id", "owner_id", "taken_at", "id"),
        Index("ix_images_album_id_created_at_id", "album_id", "created_at", "id"),
        Index("ix_images_album_id_filename", "album_id", "filename"),
        Index("ix_images_deleted_at", "deleted_at"),
        # The sweep asks what changed lately, to announce it again.
        Index("ix_images_updated_at", "updated_at"),
        CheckConstraint("revision >= 0", name="revision_not_negative"),
    )

    id: UUID = Field(primary_key=True)
    short_id: str = Field(unique=True, max_length=12)
    owner_id: UUID = Field(foreign_key="accounts.id")
    custom_id: str | None = Field(default=None, max_length=1024)
    # Owner and custom id, hashed: 1,024 characters are more than an index of PostgreSQL takes.
    custom_key: str | None = Field(default=None, unique=True, max_length=64)
    alias_of: UUID | None = Field(default=None, foreign_key="images.id", index=True)
    # No foreign key, as for an album's cover: deleting an album takes its images out in the same transaction.
    album_id: UUID | None = None
    filename: str = Field(sa_column=Column(BY_CODE_POINTS, nullable=False))
    title: str | None = None
    alt: str | None = None
    description: str | None = None
    creator: str | None = None
    meta: dict[str, object] = Field(sa_column=Column(JSONDocument, nullable=False))
    tags: list[str] = Field(sa_column=Column(JSONDocument, nullable=False))
    visibility: Visibility = Field(sa_column=Column(text_enum(Visibility), nullable=False))
    is_nsfw: bool
    processing: dict[str, object] = Field(sa_column=Column(JSONDocument, nullable=False))
    state: ImageState = Field(sa_column=Column(text_enum(ImageState), nullable=False))
    revision: int
    generation: int
    # Facts of the upload; null while it is awaited.
    format: ImageFormat | None = Field(sa_column=Column(text_enum(ImageFormat), nullable=True))
    byte_size: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    width_px: int | None = None
    height_px: int | None = None
    frames: int | None = None
    has_alpha: bool | None = None
    sha256: str | None = Field(default=None, max_length=64)
    upload_key: str | None = None
    # Owner, visibility and content of an image that new uploads may turn out to be duplicates of.
    dedupe_key: str | None = Field(default=None, unique=True)
    exif: dict[str, object] | None = Field(sa_column=Column(JSONDocument, nullable=True))
    taken_at: datetime | None = Field(sa_column=moment(nullable=True))
    """From EXIF, for the order; a moment without an offset counts as UTC."""
    # Of the width and the height, 0 to 1; null for the centre.
    focal_x: float | None = None
    focal_y: float | None = None
    views: int = Field(sa_column=Column(BigInteger, nullable=False, server_default="0"))
    replacement_id: UUID | None = None
    """The open session whose bytes will take the place of this image's."""
    # What the caged child said of it; null until the verdict.
    thumbhash: str | None = None
    dominant_color: str | None = None
    placeholder_png: str | None = None
    created_at: datetime = Field(sa_column=moment())
    updated_at: datetime = Field(sa_column=moment())
    uploaded_at: datetime | None = Field(sa_column=moment(nullable=True))
    deleted_at: datetime | None = Field(sa_column=moment(nullable=True))


class Variant(SQLModel, table=True):
    """One file of an image: wanted, being made, ready or failed."""

    __tablename__ = "variants"
    __table_args__ = (
        Index("uq_variants_image_id_family_size", "image_id", "family", "size", unique=True),
        # What the sweep and the queue depth look for is a small part of the table.
        Index(
            "ix_variants_unfinished",
            "state",
            "lease_until",
            sqlite_where=text("state IN ('planned', 'rendering') OR is_stale"),
            postgresql_where=text("state IN ('planned', 'rendering') OR is_stale"),
        ),
        # How many free ones an image has, and which of them are the oldest.
        Index(
            "ix_variants_free",
            "image_id",
            "updated_at",
            sqlite_where=text("options IS NOT NULL"),
            postgresql_where=text("options IS NOT NULL"),
        ),
        # What a worker with more memory tries again when it starts.
        Index(
            "ix_variants_lacked_memory_bytes",
            "lacked_memory_bytes",
            sqlite_where=text("lacked_memory_bytes IS NOT NULL"),
            postgresql_where=text("lacked_memory_bytes IS NOT NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    image_id: UUID = Field(sa_column=Column(ForeignKey("images.id", ondelete="CASCADE"), nullable=False))
    family: Family = Field(sa_column=Column(text_enum(Family), nullable=False))
    size: str
    position: int
    """Order in which they were planned, which is the order of `stableVariants`."""
    state: VariantState = Field(sa_column=Column(text_enum(VariantState), nullable=False))
    revision: int
    """The image's revision at which this variant last changed."""
    generation: int
    attempt: int
    """Claims so far; with `generation` it fences off whoever was too late."""
    failures: int
    """Tries that ended in an error."""
    losses: int
    """Tries since the last orderly end whose worker or child was lost."""
    lease_until: datetime | None = Field(sa_column=moment(nullable=True))
    not_before: datetime | None = Field(sa_column=moment(nullable=True))
    width_px: int | None = None
    height_px: int | None = None
    byte_size: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    content_type: str | None = None
    is_animated: bool | None = None
    sha256: str | None = Field(default=None, max_length=64)
    object_key: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    is_stale: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=false()))
    """READY with old bytes, which serve until the new ones are made: a preset or the focal point changed."""
    updated_at: datetime = Field(sa_column=moment())
    options: str | None = None
    """Of a free transformation, which no preset stands behind: all of its rule, as `write_options` writes it."""
    is_on_demand: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=false()))
    """Made because its address was asked for: no part of what the image has, until a preset's is READY."""
    wanted_at: datetime | None = Field(sa_column=moment(nullable=True))
    """Since when a request may be waiting for it: it is made before all that was only planned."""
    host_faults: int = Field(sa_column=Column(Integer, nullable=False, server_default="0"))
    """Consecutive tries that a fault of the machine ended; they count for the pause, never against the image."""
    host_faults_since: datetime | None = Field(sa_column=moment(nullable=True))
    starvations: int = Field(sa_column=Column(Integer, nullable=False, server_default="0"))
    """Tries that were ended because the machine lacked memory or time. After the first the image runs alone."""
    lacked_memory_bytes: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    """Memory of the worker on which it FAILED for want of more."""


class UploadSession(SQLModel, table=True):
    """Leave to send one file."""

    __tablename__ = "upload_sessions"
    __table_args__ = (Index("ix_upload_sessions_state_expires_at", "state", "expires_at"),)

    id: UUID = Field(primary_key=True)
    owner_id: UUID = Field(foreign_key="accounts.id", index=True)
    image_id: UUID = Field(foreign_key="images.id", index=True)
    token_hash: str = Field(unique=True, max_length=64)
    state: SessionState = Field(sa_column=Column(text_enum(SessionState), nullable=False))
    expires_at: datetime = Field(sa_column=moment())
    max_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    received_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    reserved_bytes: int = Field(sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """What counts against the quota while the session is open; 0 as long as nobody knows the file's size."""
    sha256: str | None = Field(default=None, max_length=64)
    """Of the bytes that took the session, so that sending them again can be told from other bytes."""
    announced_sha256: str | None = Field(default=None, max_length=64)
    lease_id: UUID | None = None
    lease_until: datetime | None = Field(sa_column=moment(nullable=True))
    is_duplicate: bool
    is_replacement: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=false()))
    """The bytes take the place of those of an image that is there."""
    is_kept_apart: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=false()))
    """The bytes become an image of their own, whether or not another image has them."""
    source_url: str | None = None
    """What a worker fetches; null where the client sends."""
    staged_key: str | None = None
    """Object key of a replacement's bytes while nobody knows yet whether they are a picture."""
    staged_tries: int = Field(sa_column=Column(Integer, nullable=False, server_default="0"))
    """How often a worker began to look at them; fences off whoever was too late."""
    error_code: str | None = None
    error_message: str | None = None
    error_details: dict[str, object] | None = Field(sa_column=Column(JSONDocument, nullable=True))
    created_at: datetime = Field(sa_column=moment())
    updated_at: datetime = Field(sa_column=moment())


def _table(kind: type[SQLModel]) -> Table:
    table = METADATA.tables[str(kind.__tablename__)]
    # SQLModel chooses SQLAlchemy's own type for them.
    for column in table.columns:
        if isinstance(column.type, Uuid):
            column.type = RowId()
    return table


accounts = _table(Account)
api_keys = _table(ApiKey)
signing_keys = _table(SigningKey)
refresh_tokens = _table(RefreshToken)
albums = _table(Album)
image_tags = _table(ImageTag)
old_places = _table(OldPlace)
old_slugs = _table(OldSlug)
search_documents = _table(SearchDocument)
face_numbers = _table(FaceNumber)
variant_presets = _table(VariantPreset)
images = _table(Image)
instances = _table(Instance)
variants = _table(Variant)
upload_sessions = _table(UploadSession)
