"""The tables, their indexes and constraints. What is read from them are the records of `app.db.records`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, MetaData, Table, false, text
from sqlmodel import BigInteger, Field, SQLModel

from app.db.types import JSONDocument, UTCDateTime, text_enum
from app.domain.access import Visibility
from app.domain.formats import ImageFormat
from app.domain.states import ImageState, SessionState
from app.domain.variants import Family, Fit, MetadataPolicy, VariantState

# Names of constraints are fixed, so that a migration can drop what another made.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA: MetaData = SQLModel.metadata


def _moment(*, nullable: bool = False) -> Column[datetime]:
    return Column(UTCDateTime(), nullable=nullable)


class Account(SQLModel, table=True):
    """An owner of images."""

    __tablename__ = "accounts"

    id: UUID = Field(primary_key=True)
    username: str = Field(unique=True, max_length=32)
    display_name: str | None = None
    email: str | None = None
    status: str
    plan: str
    account_hash: str = Field(unique=True, max_length=22)
    password_hash: str | None = None
    """Argon2id, with its parameters; null for accounts that never sign in."""
    preferences: dict[str, object] = Field(sa_column=Column(JSONDocument, nullable=False))
    created_at: datetime = Field(sa_column=_moment())
    last_login_at: datetime | None = Field(sa_column=_moment(nullable=True))


class ApiKey(SQLModel, table=True):
    """A credential of an account; only its hash is kept."""

    __tablename__ = "api_keys"

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="accounts.id", index=True)
    name: str
    prefix: str
    secret_hash: str = Field(unique=True, max_length=64)
    scopes: list[str] = Field(sa_column=Column(JSONDocument, nullable=False))
    created_at: datetime = Field(sa_column=_moment())
    last_used_at: datetime | None = Field(sa_column=_moment(nullable=True))
    expires_at: datetime | None = Field(sa_column=_moment(nullable=True))
    revoked_at: datetime | None = Field(sa_column=_moment(nullable=True))


class Album(SQLModel, table=True):
    """A named place for images; an image is in one or none."""

    __tablename__ = "albums"
    __table_args__ = (
        Index("uq_albums_owner_id_slug", "owner_id", "slug", unique=True),
        Index("ix_albums_owner_id_created_at_id", "owner_id", "created_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    owner_id: UUID = Field(foreign_key="accounts.id")
    slug: str = Field(max_length=64)
    title: str
    description: str | None = None
    # No foreign key: albums and images name each other, and a cover that is gone is no cover.
    cover_id: UUID | None = None
    created_at: datetime = Field(sa_column=_moment())
    updated_at: datetime = Field(sa_column=_moment())


class ImageTag(SQLModel, table=True):
    """One tag of one image, for filters and counts; the image's row keeps the list in its order."""

    __tablename__ = "image_tags"
    __table_args__ = (Index("ix_image_tags_owner_id_tag", "owner_id", "tag"),)

    image_id: UUID = Field(sa_column=Column(ForeignKey("images.id", ondelete="CASCADE"), primary_key=True))
    tag: str = Field(primary_key=True, max_length=64)
    owner_id: UUID


class SearchDocument(SQLModel, table=True):
    """The words of one image; the index over them is each database's own (see the migration)."""

    __tablename__ = "search_documents"

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    )
    image_id: UUID = Field(sa_column=Column(ForeignKey("images.id", ondelete="CASCADE"), unique=True, nullable=False))
    words: str


class VariantPreset(SQLModel, table=True):
    """An owner's own size."""

    __tablename__ = "variant_presets"
    __table_args__ = (Index("uq_variant_presets_owner_id_name", "owner_id", "name", unique=True),)

    id: UUID = Field(primary_key=True)
    owner_id: UUID = Field(foreign_key="accounts.id")
    name: str = Field(max_length=99)
    fit: Fit = Field(sa_column=Column(text_enum(Fit), nullable=False))
    width_px: int | None = None
    height_px: int | None = None
    quality: int | None = None
    keeps_metadata: MetadataPolicy = Field(sa_column=Column(text_enum(MetadataPolicy), nullable=False))
    never_require_signed_urls: bool
    created_at: datetime = Field(sa_column=_moment())
    updated_at: datetime = Field(sa_column=_moment())


class SigningKey(SQLModel, table=True):
    """A secret that signs delivery addresses; kept in clear, as its owner signs with it too."""

    __tablename__ = "signing_keys"
    __table_args__ = (Index("uq_signing_keys_owner_id_name", "owner_id", "name", unique=True),)

    id: UUID = Field(primary_key=True)
    owner_id: UUID = Field(foreign_key="accounts.id")
    name: str = Field(max_length=99)
    value: str = Field(max_length=64)
    created_at: datetime = Field(sa_column=_moment())


class RefreshToken(SQLModel, table=True):
    """One link of a sign-in's chain of refresh tokens; only its hash is kept."""

    __tablename__ = "refresh_tokens"

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="accounts.id", index=True)
    chain_id: UUID = Field(index=True)
    """The same for all that came of one sign-in: using one of them twice ends all of them."""
    token_hash: str = Field(unique=True, max_length=64)
    created_at: datetime = Field(sa_column=_moment())
    expires_at: datetime = Field(sa_column=_moment())
    used_at: datetime | None = Field(sa_column=_moment(nullable=True))
    revoked_at: datetime | None = Field(sa_column=_moment(nullable=True))


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
    filename: str
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
    taken_at: datetime | None = Field(sa_column=_moment(nullable=True))
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
    created_at: datetime = Field(sa_column=_moment())
    updated_at: datetime = Field(sa_column=_moment())
    uploaded_at: datetime | None = Field(sa_column=_moment(nullable=True))
    deleted_at: datetime | None = Field(sa_column=_moment(nullable=True))


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
    lease_until: datetime | None = Field(sa_column=_moment(nullable=True))
    not_before: datetime | None = Field(sa_column=_moment(nullable=True))
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
    updated_at: datetime = Field(sa_column=_moment())


class UploadSession(SQLModel, table=True):
    """Leave to send one file."""

    __tablename__ = "upload_sessions"
    __table_args__ = (Index("ix_upload_sessions_state_expires_at", "state", "expires_at"),)

    id: UUID = Field(primary_key=True)
    owner_id: UUID = Field(foreign_key="accounts.id", index=True)
    image_id: UUID = Field(foreign_key="images.id", index=True)
    token_hash: str = Field(unique=True, max_length=64)
    state: SessionState = Field(sa_column=Column(text_enum(SessionState), nullable=False))
    expires_at: datetime = Field(sa_column=_moment())
    max_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    received_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: str | None = Field(default=None, max_length=64)
    """Of the bytes that took the session, so that sending them again can be told from other bytes."""
    announced_sha256: str | None = Field(default=None, max_length=64)
    lease_id: UUID | None = None
    lease_until: datetime | None = Field(sa_column=_moment(nullable=True))
    is_duplicate: bool
    is_replacement: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=false()))
    """The bytes take the place of those of an image that is there."""
    source_url: str | None = None
    """What a worker fetches; null where the client sends."""
    error_code: str | None = None
    error_message: str | None = None
    error_details: dict[str, object] | None = Field(sa_column=Column(JSONDocument, nullable=True))
    created_at: datetime = Field(sa_column=_moment())
    updated_at: datetime = Field(sa_column=_moment())


def _table(name: str) -> Table:
    return METADATA.tables[name]


accounts = _table("accounts")
api_keys = _table("api_keys")
images = _table("images")
variants = _table("variants")
upload_sessions = _table("upload_sessions")
albums = _table("albums")
image_tags = _table("image_tags")
search_documents = _table("search_documents")
variant_presets = _table("variant_presets")
signing_keys = _table("signing_keys")
refresh_tokens = _table("refresh_tokens")
