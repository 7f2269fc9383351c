"""The tables, their indexes and constraints. What is read from them are the records of `app.db.records`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, MetaData, Table, text
from sqlmodel import BigInteger, Field, SQLModel

from app.db.types import JSONDocument, UTCDateTime, text_enum
from app.domain.access import Visibility
from app.domain.formats import ImageFormat
from app.domain.states import ImageState, SessionState
from app.domain.variants import Family, VariantState

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


class Image(SQLModel, table=True):
    """A picture, from the draft of an open session to the trash."""

    __tablename__ = "images"
    __table_args__ = (
        Index("ix_images_owner_id_created_at_id", "owner_id", "created_at", "id"),
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
            sqlite_where=text("state IN ('planned', 'rendering')"),
            postgresql_where=text("state IN ('planned', 'rendering')"),
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
