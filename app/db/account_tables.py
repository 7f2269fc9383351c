"""The tables of accounts and what they prove themselves with."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Column,
    Index,
    false,
    text,
)
from sqlmodel import Field, SQLModel

from app.db.metadata import moment
from app.db.types import JSONDocument


class Account(SQLModel, table=True):
    """An owner of images."""

    __tablename__ = "accounts"
    __table_args__ = (
        Index("uq_accounts_subject", "subject", unique=True),
        Index(
            "uq_accounts_is_guest",
            "is_guest",
            unique=True,
            sqlite_where=text("is_guest"),
            postgresql_where=text("is_guest"),
        ),
    )

    id: UUID = Field(primary_key=True)
    username: str = Field(unique=True, max_length=32)
    display_name: str | None = None
    email: str | None = None
    status: str
    plan: str
    account_hash: str = Field(unique=True, max_length=22)
    password_hash: str | None = None
    """Argon2id, with its parameters; null for accounts that never sign in."""
    subject: str | None = Field(default=None, max_length=64)
    """Issuer and subject of a foreign identity, hashed; null where none belongs to it."""
    preferences: dict[str, object] = Field(sa_column=Column(JSONDocument, nullable=False))
    created_at: datetime = Field(sa_column=moment())
    last_login_at: datetime | None = Field(sa_column=moment(nullable=True))
    credential_generation: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Grows when all sign-ins end: a batch token carries the one it was made in."""
    is_guest: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Does it own what is uploaded without a credential? It has no credential, and there is at most one."""


class ApiKey(SQLModel, table=True):
    """A credential of an account; only its hash is kept."""

    __tablename__ = "api_keys"

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="accounts.id", index=True)
    name: str
    prefix: str
    secret_hash: str = Field(unique=True, max_length=64)
    scopes: list[str] = Field(sa_column=Column(JSONDocument, nullable=False))
    created_at: datetime = Field(sa_column=moment())
    last_used_at: datetime | None = Field(sa_column=moment(nullable=True))
    expires_at: datetime | None = Field(sa_column=moment(nullable=True))
    revoked_at: datetime | None = Field(sa_column=moment(nullable=True))
    sign_in_id: UUID | None = None
    """The sign-in that made it, by itself or by another key that it made; null for keys of the command line."""


class SigningKey(SQLModel, table=True):
    """A secret that signs delivery addresses; kept in clear, as its owner signs with it too."""

    __tablename__ = "signing_keys"
    __table_args__ = (Index("uq_signing_keys_owner_id_name", "owner_id", "name", unique=True),)

    id: UUID = Field(primary_key=True)
    owner_id: UUID = Field(foreign_key="accounts.id")
    name: str = Field(max_length=99)
    value: str = Field(max_length=64)
    created_at: datetime = Field(sa_column=moment())


class RefreshToken(SQLModel, table=True):
    """One link of a sign-in's chain of refresh tokens; only its hash is kept."""

    __tablename__ = "refresh_tokens"

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="accounts.id", index=True)
    chain_id: UUID = Field(index=True)
    """The same for all that came of one sign-in: using one of them twice ends all of them."""
    token_hash: str = Field(unique=True, max_length=64)
    created_at: datetime = Field(sa_column=moment())
    expires_at: datetime = Field(sa_column=moment())
    used_at: datetime | None = Field(sa_column=moment(nullable=True))
    revoked_at: datetime | None = Field(sa_column=moment(nullable=True))
