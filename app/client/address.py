"""Where the server is, and by which key it knows us."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit


@dataclass(frozen=True, slots=True)
class Address:
    """A server and a credential; `url` is its root, without a slash at the end."""

    url: str
    key: str = field(repr=False)

    @property
    def graphql_url(self) -> str:
        """Queries and mutations."""
        return f"{self.url}/graphql"

    @property
    def socket_url(self) -> str:
        """Subscriptions: the same address as a WebSocket."""
        return self.graphql_url.replace("http", "ws", 1)

    @property
    def credentials(self) -> dict[str, str]:
        """As HTTP headers, and as the payload of a socket's `connection_init`."""
        return {"Authorization": f"Bearer {self.key}"}


def parse_address(url: str, key: str) -> Address:
    """Check what a person typed.

    Raises:
        ValueError: it is no http(s) address, or the key can stand in no header.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url!r} is no address such as http://127.0.0.1:8000")
    if not key.strip().isascii() or not key.strip().isprintable() or " " in key.strip():
        raise ValueError("an API key is made of ASCII letters, digits, - and _ only")
    root = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/").removesuffix("/graphql"), "", ""))
    return Address(root, key.strip())
