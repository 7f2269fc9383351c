"""The /graphql endpoint: GraphQL over HTTP, over server-sent events and over WebSocket, as one ASGI application."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any, Generic

import orjson
from graphql import OperationType
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.http.websocket_origin import normalize_allowed_origins

from app.errors import Forbidden, InternalError, InvalidRequest, SafelightError, Unauthorized, Unavailable
from app.graphql_api.callers import Callers, CallerT, credentials_of, make_request_id, request_id_of
from app.graphql_api.charging import begin_charged
from app.graphql_api.errors import MASKED_MESSAGE, format_refusal, report_fault
from app.graphql_api.events import OpenStream, send_events
from app.graphql_api.execution import Answer, Operation, OperationNotAllowed, OperationRequest, SafelightSchema
from app.graphql_api.fanout import Fanout, encode_answer
from app.graphql_api.handshakes import UpgradeRequired, check_upgrade, report_refused_origin
from app.graphql_api.negotiation import MediaType, choose_media_type
from app.graphql_api.origins import is_origin_allowed, may_get
from app.graphql_api.parsing import read_get, read_post
from app.graphql_api.sockets import Socket, SocketLimits, SocketShare
from app.graphql_api.streams import Failure, stream_responses
from app.routes.answers import TELL
from app.routes.handshakes import refuse_handshake

CLOSE_S = 2.0
"""How long a socket may take to say that it is closed; after that nothing is sent on it any more."""

IdePage = Callable[[Request], Awaitable[Response]]

ALLOWED = {
    ("GET", False): frozenset({OperationType.QUERY}),
    ("POST", False): frozenset({OperationType.QUERY, OperationType.MUTATION}),
    ("GET", True): frozenset({OperationType.QUERY, OperationType.SUBSCRIPTION}),
    ("POST", True): frozenset(OperationType),
}


class NotAcceptable(InvalidRequest):
    """The client takes none of the media types that there are."""

    status = 406


class MethodNotAllowed(InvalidRequest):
    """The endpoint knows no such method."""

    status = 405


class GraphQLEndpoint(Generic[CallerT]):
    """Serves one schema. Mount it for HTTP and WebSocket alike: it is an ASGI application of its own.

    Every answer is JSON in the shape of a GraphQL response, errors and refused handshakes included.
    """

    def __init__(
        self,
        schema: SafelightSchema,
        callers: Callers[CallerT],
        *,
        ide_page: IdePage | None = None,
        allowed_origins: Collection[str] = (),
        socket_limits: SocketLimits | None = None,
    ) -> None:
        """`allowed_origins` are other sites' that may open sockets (`https://app.example`, or `*`)."""
        self.schema = schema
        self.fanout = Fanout()
        self.sockets: set[Socket[CallerT]] = set()
        """Those open now."""
        self.streams: set[OpenStream[CallerT]] = set()
        """Server-sent events that run now."""
        self._closing: set[asyncio.Task[None]] = set()
        self._callers = callers
        self._ide_page = ide_page
        self._allowed_origins = normalize_allowed_origins(list(allowed_origins))
        self._share = SocketShare(schema, self.fanout, callers, socket_limits or SocketLimits())
        html = {MediaType.HTML} if ide_page else set[MediaType]()
        self._offers = {
            "GET": frozenset({MediaType.JSON, MediaType.GRAPHQL_JSON, MediaType.EVENT_STREAM, *html}),
            "POST": frozenset({MediaType.JSON, MediaType.GRAPHQL_JSON, MediaType.EVENT_STREAM}),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one socket."""
        if scope["type"] == "websocket":
            await self._serve_socket(scope, receive, send)
            return
        request = Request(scope, receive)
        # Whoever tells of what ends a request from outside tells it as we do.
        scope.setdefault("state", {})[TELL] = lambda error: (error.status, _refusal(error, request_id_of(request)))
        try:
            response = await self._answer(request, send)
        except ClientDisconnect:
            return
        if response is not None:
            await response(scope, receive, send)

    def leave_streams(self) -> None:
        """End all event streams, as the server stops: their clients come again, to another process or later."""
        for stream in self.streams:
            stream.leave_open()

    async def recheck_sockets(self) -> None:
        """Authenticate the callers of all open sockets and streams again; call it every second or so.

        Whoever is not welcome any more is closed with 4403; what others may do by now counts from their next event
        on. Each credential is asked about once, however many sockets share it. While the database is away nobody is
        judged.
        """
        groups: dict[tuple[str | None, ...], list[Socket[CallerT] | OpenStream[CallerT]]] = {}
        everyone: list[Socket[CallerT] | OpenStream[CallerT]] = [*self.sockets, *self.streams]
        for connection in everyone:
            if shown := connection.credentials:
                groups.setdefault((shown.authorization, shown.api_key, shown.assertion), []).append(connection)
        for connections in groups.values():
            await self._recheck(connections)

    async def _recheck(self, connections: list[Socket[CallerT] | OpenStream[CallerT]]) -> None:
        shown = connections[0].credentials
        assert shown is not None
        try:
            caller = await self._callers.authenticate(shown)
        except (Unauthorized, Forbidden):
            for connection in connections:
                self._close(connection)
        except Unavailable:
            return
        else:
            for connection in connections:
                connection.caller = caller

    def _close(self, connection: Socket[CallerT] | OpenStream[CallerT]) -> None:
        # Whoever reads nothing keeps the closing frame waiting: others must not wait with it.
        closing = asyncio.create_task(_close_in_time(connection), name="close-connection")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        if not is_origin_allowed(connection, self._allowed_origins):
            refusal = report_refused_origin(connection, self._allowed_origins)
            await refuse_handshake(send, refusal, lambda error: (error.status, _refusal(error, make_request_id())))
            return
        socket = Socket(scope, receive, send, self._share)
        self.sockets.add(socket)
        try:
            await socket.serve()
        except asyncio.CancelledError:
            # The server stops, and the connection goes with it: nothing that anybody must look at.
            return
        finally:
            self.sockets.discard(socket)

    async def _answer(self, request: Request, send: Send) -> Response | None:
        request_id = request_id_of(request)
        try:
            return await self._answer_or_raise(request, send, request_id)
        except SafelightError as error:
            if error.is_fault:
                report_fault(error, request_id)
            return _refuse(error, request_id)
        except ClientDisconnect:
            raise
        except Exception as error:
            report_fault(error, request_id)
            return _refuse(InternalError(MASKED_MESSAGE), request_id)

    async def _answer_or_raise(self, request: Request, send: Send, request_id: str) -> Response | None:
        check_upgrade(request)
        media_type = self._choose(request)
        if media_type is MediaType.HTML and self._ide_page:
            return await self._ide_page(request)
        operation_request = await self._read(request)
        credentials = credentials_of(request)
        caller = await self._callers.authenticate(credentials)
        if media_type is MediaType.EVENT_STREAM:
            farewell = Failure(orjson.dumps([format_refusal(_UNWELCOME, request_id)]).decode())
            stream = OpenStream(credentials, caller, farewell)
            await self._serve_stream(stream, operation_request, request, send, request_id)
            return None
        context = self._callers.make_context(caller, request, request_id)
        operation = await begin_charged(
            self.schema, self._callers, caller, operation_request, context, allowed=ALLOWED[request.method, False]
        )
        answer = operation if isinstance(operation, Answer) else await _run_while_connected(operation, request)
        # By the older media type a refused document is still a success of HTTP.
        is_bad = answer.is_refused and media_type is MediaType.GRAPHQL_JSON
        return _respond(encode_answer(answer, request_id), media_type, status=400 if is_bad else 200)

    async def _serve_stream(
        self, stream: OpenStream[CallerT], asked: OperationRequest, request: Request, send: Send, request_id: str
    ) -> None:
        def make_context() -> Any:  # the application's own type
            return self._callers.make_context(stream.caller, request, request_id)

        operation = await begin_charged(
            self.schema, self._callers, stream.caller, asked, make_context(), allowed=ALLOWED[request.method, True]
        )
        responses = stream_responses(operation, self.fanout, make_context, request_id)
        self.streams.add(stream)
        try:
            await send_events(responses, request.receive, send, stream=stream)
        finally:
            self.streams.discard(stream)

    def _choose(self, request: Request) -> MediaType:
        offers = self._offers.get(request.method)
        if offers is None:
            raise MethodNotAllowed("GraphQL is served by GET and POST.")
        media_type = choose_media_type(request.headers.get("accept"), offers)
        if media_type is None:
            raise NotAcceptable("There is application/graphql-response+json, application/json and text/event-stream.")
        return media_type

    async def _read(self, request: Request) -> OperationRequest:
        if request.method == "POST":
            return await read_post(request)
        if not may_get(request, self._allowed_origins):
            raise Forbidden("Queries by GET from other sites need the header `X-Requested-With`.")
        return read_get(request)


async def _run_while_connected(operation: Operation, request: Request) -> Answer:
    """Run an operation; a query is cancelled when its client disconnects, a mutation runs to its end.

    Raises:
        ClientDisconnect: the client is gone.
    """
    if operation.kind is OperationType.MUTATION:
        return await operation.run()
    running = asyncio.create_task(operation.run(), name="graphql-query")
    leaving = asyncio.create_task(_wait_for_disconnect(request), name="graphql-disconnect")
    try:
        await asyncio.wait((running, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            raise ClientDisconnect
        return running.result()
    finally:
        leaving.cancel()
        running.cancel()


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


_UNWELCOME = Unauthorized("This credential is not good any more.")


def _respond(body: bytes, media_type: MediaType, *, status: int) -> Response:
    headers = {
        "content-type": f"{media_type}; charset=utf-8",
        "cache-control": "no-store",
        "vary": "Accept",
        "x-content-type-options": "nosniff",
    }
    return Response(body, status, headers)


def _refuse(error: SafelightError, request_id: str) -> Response:
    body = orjson.dumps(_refusal(error, request_id))
    is_mutation_by_get = isinstance(error, OperationNotAllowed) and error.kind is OperationType.MUTATION
    response = _respond(body, MediaType.JSON, status=405 if is_mutation_by_get else error.status)
    if isinstance(error, UpgradeRequired):
        response.headers.update({"upgrade": "websocket", "connection": "Upgrade"})
    if isinstance(error, MethodNotAllowed):
        response.headers["allow"] = "GET, POST"
    elif is_mutation_by_get:
        response.headers["allow"] = "POST"
    if response.status_code == 401:
        response.headers["www-authenticate"] = "Bearer"
    if error.retry_after_s is not None:
        response.headers["retry-after"] = str(error.retry_after_s)
    return response


def _refusal(error: SafelightError, request_id: str) -> dict[str, object]:
    return {"errors": [format_refusal(error, request_id)]}


async def _close_in_time(connection: Socket[CallerT] | OpenStream[CallerT]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await connection.close(4403, "Forbidden")
