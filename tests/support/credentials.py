"""Signing in and being refused, as several test modules do it."""

from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.client import Client, GraphQLFailure
from tests.support.site import Site
from tests.support.waiting import in_time

SIGN_IN = """mutation ($username: String!, $password: String!) {
  signIn(username: $username, password: $password) {
    accessToken refreshToken expiresAt viewer { username scopes lastLoginAt }
  }
}"""
REFRESH = "mutation ($token: String!) { refreshSession(refreshToken: $token) { accessToken refreshToken expiresAt } }"
ME = "{ viewer { username } }"

Json = dict[str, Any]  # Any: what a server answered, looked into key by key


async def refusal_of(client: Client, query: str, **variables: object) -> Json:
    """The extensions of the one error."""
    with pytest.raises(GraphQLFailure) as failure:
        await client.ask(query, **variables)
    assert len(failure.value.errors) == 1
    extensions: Json = failure.value.errors[0]["extensions"]
    return extensions


async def status_of(site: Site, token: str, *, api: int = 0) -> int:
    """The status of an API's answer to this credential."""
    async with Client(site.api_urls[api], token) as client:
        return (await client.http.post("/graphql", json={"query": ME})).status_code


async def wait_closed(socket: Any) -> int:  # Any: websockets' connection, which has no type for what it receives
    """The code with which the server closes a socket."""
    with pytest.raises(ConnectionClosed) as closed:
        await in_time(_read_to_the_end(socket))
    assert closed.value.rcvd is not None
    return int(closed.value.rcvd.code)


async def _read_to_the_end(socket: Any) -> None:
    while True:
        await socket.recv()
