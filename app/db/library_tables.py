"""The tables around images: albums, tags, words to be found, presets."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
)
from sqlmodel import BigInteger, Field, SQLModel

from app.db.metadata import moment
from app.db.types import text_enum
from app.domain.variants import Fit, MetadataPolicy


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
    created_at: datetime = Field(sa_column=moment())
    updated_at: datetime = Field(sa_column=moment())


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


class OldPlace(SQLModel, table=True):
    """Where an image was before it was renamed or moved: its old pretty address leads to the new one."""

    __tablename__ = "old_places"
    __table_args__ = (Index("ix_old_places_owner_id_filename", "owner_id", "filename"),)

    id: UUID = Field(primary_key=True)
    image_id: UUID = Field(sa_column=Column(ForeignKey("images.id", ondelete="CASCADE"), index=True, nullable=False))
    owner_id: UUID
    # No foreign key: what was in an album is found where it was, though the album may be gone.
    album_id: UUID | None = None
    filename: str
    created_at: datetime = Field(sa_column=moment())


class OldSlug(SQLModel, table=True):
    """What an album was called before, or what one was called that is gone."""

    __tablename__ = "old_slugs"
    __table_args__ = (Index("ix_old_slugs_owner_id_slug", "owner_id", "slug"),)

    id: UUID = Field(primary_key=True)
    owner_id: UUID
    slug: str = Field(max_length=64)
    album_id: UUID
    created_at: datetime = Field(sa_column=moment())


class FaceNumber(SQLModel, table=True):
    """The small number by which clients of a face know an account or an album.

    No foreign keys, and rows are never deleted: a number means one thing for ever, though it may be gone.
    """

    __tablename__ = "face_numbers"
    # Or SQLite gives the highest number out again, should its row be lost.
    __table_args__ = {"sqlite_autoincrement": True}

    number: int | None = Field(default=None, primary_key=True)
    subject_id: UUID = Field(unique=True)


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
    # None: the owner's preference holds.
    browser_ttl_s: int | None = None
    created_at: datetime = Field(sa_column=moment())
    updated_at: datetime = Field(sa_column=moment())
