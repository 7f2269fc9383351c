"""Watch one image become ready: graphql-transport-ws, which goes on where a lost connection broke off."""

from collections.abc import Callable

from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportError
from gql.transport.websockets import WebsocketsTransport

from app.client import documents
from app.client.address import Address
from app.client.answers import Readiness, readiness_of_event
from app.client.patience import Patience
from app.client.problems import ClientCode, Problem, problem_of_graphql

# A server that is gone answers no farewell; whoever presses Ctrl-C shall not wait for one.
CLOSE_TIMEOUT_S = 2.0


class Watcher:
    """Follows images by the subscription `stableVariants`; each on a socket of its own."""

    def __init__(self, address: Address) -> None:
        self._address = address

    async def follow(
        self, image_id: str, *, on_change: Callable[[Readiness], None], on_problem: Callable[[Problem], None]
    ) -> Readiness:
        """Tell every change until nothing is on its way any more; the last one. May begin before the bytes are sent.

        Raises:
            Problem: there will be no image, or nobody answers for too long.
        """
        patience = Patience()
        latest: Readiness | None = None

        def note(readiness: Readiness) -> None:
            nonlocal latest
            latest = readiness
            patience.renew()
            on_change(readiness)

        while latest is None or not latest.is_complete:
            after = None if latest is None else latest.revision
            try:
                await self._subscribe(image_id, after, note)
                if latest is None or not latest.is_complete:
                    # It is complete, and we know: `after` was the last revision, or that of a draft whose bytes
                    # turned out to be another image's. Without `after`, the state always comes.
                    await self._subscribe(image_id, None, note)
                if latest is None or not latest.is_complete:
                    raise Problem(ClientCode.UNREACHABLE, "The subscription ended too early.", is_passing=True)
            except Problem as problem:
                if problem.is_passing:
                    on_problem(problem)
                await patience.pause(problem)
        return latest

    async def _subscribe(self, image_id: str, after: int | None, note: Callable[[Readiness], None]) -> None:
        transport = WebsocketsTransport(
            self._address.socket_url,
            init_payload=self._address.credentials,
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
            close_timeout=CLOSE_TIMEOUT_S,
            connect_args={"close_timeout": CLOSE_TIMEOUT_S},
        )
        request = GraphQLRequest(documents.WATCH, variable_values={"id": image_id, "after": after})
        try:
            async with Client(transport=transport) as session:
                async for data in session.subscribe(request):
                    note(readiness_of_event(data))
        except (TransportError, TimeoutError) as error:
            raise problem_of_graphql(error, self._address.url) from error
        finally:
            # gql leaves the socket open where it is cancelled between the handshake and the acknowledgement.
            await transport.adapter.close()
