"""Moments as the other systems write them."""

from datetime import UTC, datetime


def to_second(moment: datetime) -> str:
    """`2025-01-01T00:00:00Z`: UTC, the fraction of a second cut off."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_millisecond(moment: datetime) -> str:
    """`2025-01-01T00:00:00.000Z`: UTC, what is smaller cut off."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
