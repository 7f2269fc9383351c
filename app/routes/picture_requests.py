"""What a request for a picture says, as far as it matters for the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import Scope

CREDENTIAL_HEADERS = (b"authorization", b"x-api-key", b"cf-access-jwt-assertion")
_WANTED_HEADERS = frozenset(
    {
        b"host",
        b"accept",
        b"if-none-match",
        b"if-modified-since",
        b"if-match",
        b"if-unmodified-since",
        b"if-range",
        b"range",
        *CREDENTIAL_HEADERS,
    }
)
_CREDENTIALS = frozenset(CREDENTIAL_HEADERS)


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """One request, read once."""

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, str] = field(default_factory=dict)
    raw_path: bytes = b""
    """As it was sent, percent-encoded."""

    @staticmethod
    def of(scope: Scope) -> "PictureRequest":
        """Read an ASGI scope."""
        raw_path = scope.get("raw_path") or b""
        return PictureRequest(scope["method"], scope["path"], scope["query_string"], read_headers(scope), raw_path)

    @property
    def has_credential(self) -> bool:
        """Does somebody in particular ask?"""
        return has_credential(self.headers)

    @property
    def accept(self) -> str:
        """The header `Accept`; empty where there is none."""
        return self.headers.get(b"accept", "")

    @property
    def host(self) -> str:
        """The header `Host`; empty where there is none."""
        return self.headers.get(b"host", "")

    @property
    def query_text(self) -> str:
        """The query as it was sent."""
        return self.query.decode("latin-1")

    @property
    def target(self) -> str:
        """Path and query as they were sent: what a signature is made of."""
        path = self.raw_path.decode("latin-1") or self.path
        return f"{path}?{self.query_text}"


def read_headers(scope: Scope) -> dict[bytes, str]:
    """Those headers that an answer may depend on. Of one that is repeated the last counts, here as everywhere."""
    return {name: value.decode("latin-1") for name, value in scope["headers"] if name in _WANTED_HEADERS}


def has_credential(headers: Mapping[bytes, str]) -> bool:
    """Does somebody in particular ask?"""
    return not _CREDENTIALS.isdisjoint(headers)
