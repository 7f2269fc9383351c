"""The obvious server for the same rows: strawberry, ORM entities, async resolvers, a permission class. Our peer.

    python -m bench.obvious_server DATABASE PORT [--caches]

Written as strawberry's and SQLModel's own guides write it: a session for each request, entities of the columns that
are served, an object of the schema for each entity. It answers what `bench.graphql` asks to the byte of the data; what
it leaves out (limits, scopes, errors in one shape, cursors) could only make it slower. `--caches` adds strawberry's
ParserCache and ValidationCache, which it does not have by itself. The rows are written by us and only read here.
"""

import argparse
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
import uvicorn
from sqlalchemy import Column
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel, col, select
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, SchemaExtension, ValidationCache
from strawberry.permission import BasePermission

from app.db.types import UTCDateTime, text_enum
from app.domain.formats import MEDIA_TYPES, ImageFormat
from app.ids import hash_secret
from app.schema.enums import ImageState
from app.schema.scalars import SCALARS, BigInt


class Entity(SQLModel, registry=registry()):
    """Of tables of its own: those of `app.db` have columns that nobody asks for here."""


class ApiKey(Entity, table=True):
    """A key; the account is good while the key is."""

    __tablename__ = "api_keys"

    id: UUID = Field(primary_key=True)
    account_id: UUID
    secret_hash: str
    revoked_at: datetime | None = Field(sa_column=Column(UTCDateTime(), nullable=True))


class ImageRow(Entity, table=True):
    """An image: what is served of it, and what says whether it is."""

    __tablename__ = "images"

    id: UUID = Field(primary_key=True)
    short_id: str
    owner_id: UUID
    alias_of: UUID | None
    filename: str
    title: str | None
    state: ImageState = Field(sa_column=Column(text_enum(ImageState), nullable=False))
    format: ImageFormat | None = Field(sa_column=Column(text_enum(ImageFormat), nullable=True))
    byte_size: int | None
    width_px: int | None
    height_px: int | None
    created_at: datetime = Field(sa_column=Column(UTCDateTime(), nullable=False))
    deleted_at: datetime | None = Field(sa_column=Column(UTCDateTime(), nullable=True))


@strawberry.type
class Image:
    """An image, for clients."""

    id: strawberry.ID
    short_id: str
    filename: str
    title: str | None
    content_type: str | None
    byte_size: BigInt | None
    width: int | None
    height: int | None
    state: ImageState
    created_at: datetime

    @classmethod
    def of(cls, row: ImageRow) -> "Image":
        """From its entity."""
        return cls(
            id=strawberry.ID(str(row.id)),
            short_id=row.short_id,
            filename=row.filename,
            title=row.title,
            content_type=MEDIA_TYPES[row.format] if row.format else None,
            byte_size=BigInt(row.byte_size) if row.byte_size is not None else None,
            width=row.width_px,
            height=row.height_px,
            state=row.state,
            created_at=row.created_at,
        )


@strawberry.type
class ImageConnection:
    """A page."""

    nodes: list[Image]


Info = strawberry.Info[dict[str, Any], None]


class IsSignedIn(BasePermission):
    """Refuses who shows no good key."""

    message = "Not signed in."

    async def has_permission(self, source: Any, info: Info, **_arguments: Any) -> bool:
        """Look the key up, and keep whose it is for the resolver."""
        secret = info.context["request"].headers.get("authorization", "").removeprefix("Bearer ")
        query = select(ApiKey).where(ApiKey.secret_hash == hash_secret(secret), col(ApiKey.revoked_at).is_(None))
        key = (await info.context["session"].execute(query)).scalar_one_or_none()
        info.context["owner_id"] = key.account_id if key is not None else None
        return key is not None


@strawberry.type
class Query:
    """One image, and lists of them."""

    @strawberry.field(permission_classes=[IsSignedIn])
    async def image(self, info: Info, id: strawberry.ID) -> Image | None:  # noqa: A002  (the contract's name)
        row = await info.context["session"].get(ImageRow, UUID(id))
        return Image.of(row) if row is not None and row.owner_id == info.context["owner_id"] else None

    @strawberry.field(permission_classes=[IsSignedIn])
    async def images(self, info: Info, first: int = 50) -> ImageConnection:
        query = (
            select(ImageRow)
            .where(ImageRow.owner_id == info.context["owner_id"])
            .where(col(ImageRow.alias_of).is_(None), col(ImageRow.deleted_at).is_(None))
            .where(ImageRow.state != ImageState.AWAITING_UPLOAD)
            .order_by(col(ImageRow.created_at).desc(), col(ImageRow.id).desc())
            .limit(first)
        )
        rows = (await info.context["session"].execute(query)).scalars()
        return ImageConnection(nodes=[Image.of(row) for row in rows])


def make_schema(sessions: async_sessionmaker[AsyncSession], *, caches: bool) -> strawberry.Schema:
    """The schema; an operation has one session."""

    class OperationSession(SchemaExtension):
        async def on_operation(self) -> AsyncIterator[None]:
            async with sessions() as session:
                self.execution_context.context["session"] = session
                yield

    known = [ParserCache, ValidationCache] if caches else []
    return strawberry.Schema(Query, config=SCALARS, extensions=[OperationSession, *known])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database")
    parser.add_argument("port", type=int)
    parser.add_argument("--caches", action="store_true")
    options = parser.parse_args()
    engine = create_async_engine(f"sqlite+aiosqlite:///{options.database}")
    schema = make_schema(async_sessionmaker(engine, expire_on_commit=False), caches=options.caches)
    uvicorn.run(GraphQL(schema, graphql_ide=None), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
