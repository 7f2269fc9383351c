"""The scalars that GraphQL lacks."""

from datetime import UTC, datetime
from typing import Any, NewType

import strawberry
from strawberry.schema.config import StrawberryConfig

MAX_EXACT = 2**53

BigInt = NewType("BigInt", int)
JSON = NewType("JSON", object)


def _parse_big_int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ValueError("BigInt takes a whole number.")
    if abs(value) > MAX_EXACT:
        raise ValueError("BigInt takes numbers up to 2^53.")
    return int(value)


def _parse_moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("DateTime takes a string such as 2026-01-31T12:00:00Z.")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("DateTime takes ISO 8601, such as 2026-01-31T12:00:00Z.") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _write_moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _same(value: Any) -> Any:  # any JSON value there is
    return value


SCALARS: StrawberryConfig = StrawberryConfig(
    scalar_map={
        BigInt: strawberry.scalar(
            name="BigInt",
            description="A whole number beyond 32 bits, as a JSON number; exact up to 2^53.",
            serialize=int,
            parse_value=_parse_big_int,
        ),
        JSON: strawberry.scalar(name="JSON", description="Any JSON value.", serialize=_same, parse_value=_same),
        datetime: strawberry.scalar(
            name="DateTime",
            description="A moment in ISO 8601 and UTC, such as 2026-01-31T12:00:00.123456Z.",
            serialize=_write_moment,
            parse_value=_parse_moment,
        ),
    }
)
"""Which scalar stands for which Python type."""
