"""Who is on the other end of a connection: the credentials it brings, and what the application makes of them."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from starlette.requests import HTTPConnection

from app.errors import Unauthorized

CallerT = TypeVar("CallerT")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a connection shows of itself; all are as sent, unverified, and secret: never log them."""

    authorization: str | None
    """The value of `Authorization`, scheme included."""
    api_key: str | None
    """The value of `X-API-Key`."""
    connection: HTTPConnection
    """For cookies, the peer's address and the like."""
    assertion: str | None = None
    """The value of `Cf-Access-Jwt-Assertion`, which a proxy adds."""

    @property
    def is_anonymous(self) -> bool:
        """Nothing was shown that could be wrong."""
        return self.authorization is None and self.api_key is None and self.assertion is None


async def charge_nothing(_caller: object, _cost: int) -> None:
    """Let every operation pass."""


@dataclass(frozen=True, slots=True)
class Callers(Generic[CallerT]):
    """The questions that the endpoint asks the application."""

    authenticate: Callable[[Credentials], Awaitable[CallerT]]
    """Who is it? Anonymous where no credential came; raises Unauthorized where one came and is not good."""
    make_context: Callable[[CallerT, HTTPConnection, str], Any]
    """A new context (caller, connection, request id) for one operation or one event. Must not block."""
    charge: Callable[[CallerT, int], Awaitable[None]] = charge_nothing
    """May the caller run something of this cost now? Raises RateLimited where not."""


def credentials_of(connection: HTTPConnection, parameters: Mapping[str, object] | None = None) -> Credentials:
    """Read the credentials from the headers, or, before those, from a socket's `connection_init` payload.

    Raises:
        Unauthorized: a credential in `parameters` is no string.
    """
    named = {name.lower(): value for name, value in (parameters or {}).items()}
    values: list[str | None] = []
    for name in ("authorization", "x-api-key"):
        value = named.get(name)
        if value is None:
            value = connection.headers.get(name)
        if not isinstance(value, str | None):
            raise Unauthorized("The credential must be a string.")
        values.append(value)
    return Credentials(values[0], values[1], connection, connection.headers.get("cf-access-jwt-assertion"))


def request_id_of(connection: HTTPConnection) -> str:
    """Return the id that a middleware put into the connection's state, or a new one."""
    found = connection.scope.get("state", {}).get("request_id")
    return found if isinstance(found, str) else make_request_id()


def make_request_id() -> str:
    """Make an id for one operation of a socket, or for what no middleware has seen."""
    return uuid.uuid4().hex
