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
_LISTS = frozenset({b"accept", b"if-none-match", b"if-match"})


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
    """Those headers that an answer may depend on.

    Lists over several lines are one list (RFC 9110, 5.3). Of any other that is repeated the last counts, as everywhere.
    """
    headers: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        if name in _WANTED_HEADERS:
            text = value.decode("latin-1")
            headers[name] = f"{headers[name]}, {text}" if name in _LISTS and name in headers else text
    return headers


def has_credential(headers: Mapping[bytes, str]) -> bool:
    """Does somebody in particular ask?"""
    return not _CREDENTIALS.isdisjoint(headers)
