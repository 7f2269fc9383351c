"""Column types that mean the same on SQLite and PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast
from uuid import UUID, SafeUUID

from sqlalchemy import JSON, DateTime, Dialect, Enum, TypeDecorator, Uuid
from sqlalchemy.dialects.postgresql import JSONB

JSONDocument = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""A JSON value; None is SQL's NULL."""


class UTCDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC. SQLite keeps no offset, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive moments: nobody knows where they were meant."""
        if value is None:
            return None
        assert value.tzinfo is not None, "a naive datetime reached the database"
        return value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Make what was read aware."""
        return _moment_of if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _moment_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text + "+00:00")


class RowId(Uuid[UUID]):
    """A UUID, read from SQLite without the checks that whoever wrote it has made: a list of images has hundreds."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], UUID | None] | None:
        """Make a UUID of what was read."""
        return (
            _uuid_of
            if dialect.name == "sqlite"
            else cast(
                "Callable[[Any], UUID | None] | None",
                super().result_processor(dialect, coltype),  # type: ignore[no-untyped-call]  # SQLAlchemy's own
            )
        )


def _uuid_of(text: str | None) -> UUID | None:
    if text is None:
        return None
    found = _new_uuid(UUID)
    _set(found, "int", int(text, 16))
    _set(found, "is_safe", SafeUUID.unknown)
    return found


_new_uuid, _set = object.__new__, object.__setattr__


def text_enum(kind: type[StrEnum]) -> Enum:
    """A column that keeps the values of `kind` as plain text, so that new ones need no migration."""
    return Enum(kind, native_enum=False, create_constraint=False, length=32, values_callable=_values)


def _values(kind: type[StrEnum]) -> list[str]:
    return [member.value for member in kind]
