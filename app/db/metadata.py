"""The one set of tables, how their constraints are named, and columns that several have."""

from datetime import datetime

from sqlalchemy import Column, MetaData, String
from sqlmodel import SQLModel

from app.db.types import UTCDateTime

# Names of constraints are fixed, so that a migration can drop what another made.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA: MetaData = SQLModel.metadata

# One order of names on both databases, whatever language PostgreSQL was set up for.
BY_CODE_POINTS = String().with_variant(String(collation="C"), "postgresql")


def moment(*, nullable: bool = False) -> Column[datetime]:
    """A column for an aware moment."""
    return Column(UTCDateTime(), nullable=nullable)


def is_modelled(name: str | None, kind: str, _parents: object) -> bool:
    """Is it made of our tables? The full-text indexes are each database's own, and made by a migration alone."""
    text = name or ""
    return not (kind == "table" and text.startswith("search_index")) and text != "ix_search_documents_words"
