"""What was found out a moment ago, so that not every request asks the database who calls."""

import time
from typing import Generic, TypeVar

T = TypeVar("T")

# A credential that was ended stops working within a second on every process; until then a look-up is saved.
TTL_S = 0.8
_MAX_ENTRIES = 10_000


class Recent(Generic[T]):
    """Remembers each answer for `TTL_S`."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[float, T]] = {}

    def find(self, key: str) -> T | None:
        """The answer, if it is young enough."""
        found = self._entries.get(key)
        if found is None or time.monotonic() - found[0] >= TTL_S:
            return None
        return found[1]

    def keep(self, key: str, value: T) -> None:
        """Remember an answer."""
        if len(self._entries) >= _MAX_ENTRIES:
            self._entries.clear()
        self._entries[key] = (time.monotonic(), value)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
