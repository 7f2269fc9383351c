"""The table that says which instance a database belongs to."""

from uuid import UUID

from sqlmodel import BigInteger, Field, SQLModel

ONLY_ROW = 1


class Instance(SQLModel, table=True):
    """One row: the id that this database shares with its store and its names in Redis."""

    __tablename__ = "instances"

    row: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    id: UUID
    # A store whose counter is ahead has been swept by a newer copy of this database.
    sweeps: int = Field(sa_type=BigInteger)
