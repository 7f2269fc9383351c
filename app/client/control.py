"""Queries and mutations: GraphQL over HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from gql import Client, GraphQLRequest
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportError
from gql.transport.httpx import HTTPXAsyncTransport

from app.client import documents
from app.client.address import Address
from app.client.answers import Readiness, Server, Session, readiness_of_image, server_of, session_of
from app.client.problems import problem_of_graphql

TIMEOUT_S = 30.0


class Control:
    """What a client asks of a server, over one pool of connections."""

    def __init__(self, session: AsyncClientSession, address: Address) -> None:
        self._session = session
        self._address = address

    async def greet(self) -> Server:
        """Is there a Safelight, and does it know the key?

        Raises:
            Problem: no (as all methods here).
        """
        return server_of(await self.ask(documents.GREET, {}))

    async def open_session(self, wanted: Mapping[str, object]) -> Session:
        """A new upload session; `wanted` is a CreateUploadSessionInput."""
        return session_of(await self.ask(documents.OPEN_SESSION, {"input": dict(wanted)}))

    async def cancel_session(self, session_id: str) -> None:
        """Close an OPEN session for good, its reservation with it."""
        await self.ask(documents.CANCEL_SESSION, {"id": session_id})

    async def read_image(self, image_id: str) -> Readiness | None:
        """How far an image is now; None where there is none."""
        return readiness_of_image(await self.ask(documents.READ_IMAGE, {"id": image_id}))

    # Variables and answers are JSON: Any.
    async def ask(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data of any operation."""
        request = GraphQLRequest(document, variable_values=variables)
        try:
            return await self._session.execute(request)
        except TransportError as error:
            raise problem_of_graphql(error, self._address.url) from error


@asynccontextmanager
async def control_of(address: Address) -> AsyncIterator[Control]:
    """Connections to one server, closed at the end."""
    transport = HTTPXAsyncTransport(address.graphql_url, headers=address.credentials, timeout=TIMEOUT_S)
    async with Client(transport=transport) as session:
        yield Control(session, address)
