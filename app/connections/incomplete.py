"""Connections whose request, or `connection_init`, has not come whole: only so many of one address.

They cost the client nothing and hold a file descriptor each, of which a process has a limited number.
"""

from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_address

from app.rate_limit import Network

DEFAULT_MAX = 256


class IncompleteConnections:
    """Counts them by address. Loopback and trusted proxies, which stand for many clients, are not counted."""

    def __init__(self, most: int = DEFAULT_MAX, *, exempt: Sequence[Network] = ()) -> None:
        self._most = most
        self._exempt = exempt
        self._address_of: dict[object, str] = {}
        self._counts: Counter[str] = Counter()

    def add(self, connection: object, client: tuple[str, int] | None) -> bool:
        """Count a connection, once; False where its address has as many as it may, and it must be closed."""
        if client is None or connection in self._address_of:
            return True
        address = client[0]
        if self._counts[address] >= self._most and not self._is_exempt(address):
            return False
        self._address_of[connection] = address
        self._counts[address] += 1
        return True

    def remove(self, connection: object) -> None:
        """Count a connection no more."""
        address = self._address_of.pop(connection, None)
        if address is None:
            return
        self._counts[address] -= 1
        if not self._counts[address]:
            del self._counts[address]

    def _is_exempt(self, address: str) -> bool:
        parsed = ip_address(address.partition("%")[0])
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        return parsed.is_loopback or any(parsed in network for network in self._exempt)
