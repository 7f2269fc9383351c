"""GraphQL over WebSocket: the graphql-transport-ws protocol, spoken directly to the ASGI server.

Spoken directly because Strawberry's handler ends the socket (and writes a traceback) on frames such as `[]`, keeps
one context for a socket's whole life, and takes twice the memory for an idle subscription.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Generic

import orjson
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from app.ending import end_soon, end_tasks
from app.errors import ErrorCode, InternalError, InvalidRequest, SafelightError
from app.graphql_api.callers import Callers, CallerT, Credentials, credentials_of, make_request_id
from app.graphql_api.charging import begin_charged
from app.graphql_api.errors import MASKED_MESSAGE, format_refusal, report_fault
from app.graphql_api.execution import OperationRequest, SafelightSchema
from app.graphql_api.fanout import Fanout
from app.graphql_api.frames import BadFrame, Complete, ConnectionInit, Frame, Ping, Subscribe, parse_frame
from app.graphql_api.streams import Failure, stream_responses

SUBPROTOCOL = "graphql-transport-ws"

# What uvicorn raises: OSError where the peer is gone, RuntimeError where it closed the socket itself (no pong came).
SOCKET_IS_GONE = (OSError, RuntimeError)

ACKNOWLEDGED = '{"type":"connection_ack"}'


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What one socket may do."""

    init_timeout_s: float = 10.0
    max_operations: int = 20
    """At once; more are refused, the socket stays."""
    max_message_bytes: int = 65_536


@dataclass(frozen=True, slots=True)
class SocketShare(Generic[CallerT]):
    """What all sockets of one endpoint have in common."""

    schema: SafelightSchema
    fanout: Fanout
    callers: Callers[CallerT]
    limits: SocketLimits


class TooManyOperations(SafelightError):
    """The socket runs as many operations as it may."""

    code, status = ErrorCode.RATE_LIMITED, 429


class CloseSocket(Exception):
    """The protocol, or the application, demands the end of the socket."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Socket(Generic[CallerT]):
    """One client's socket, from the handshake to its end."""

    __slots__ = (
        "_connection", "_credentials", "_init_received", "_is_acknowledged", "_is_closed", "_operations", "_receive",
        "_send", "_share", "caller",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send, share: SocketShare[CallerT]) -> None:
        self._receive = receive
        self._send = send
        self._share = share
        self._connection = HTTPConnection(scope)
        self._credentials: Credentials | None = None
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._init_received = False
        self._is_acknowledged = False
        self._is_closed = False
        self.caller: CallerT

    async def serve(self) -> None:
        """Accept the handshake and obey the client until either side ends it."""
        try:
            await self._receive()
            if SUBPROTOCOL not in self._connection.scope.get("subprotocols", ()):
                await self._send({"type": "websocket.accept"})
                await self.close(4406, "Subprotocol not acceptable")
                return
            await self._send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
            await self._obey()
        except CloseSocket as end:
            await self.close(end.code, end.reason)
        finally:
            await self._end_operations()

    async def close(self, code: int, reason: str) -> None:
        """End the socket; safe to call from anywhere and more than once."""
        if self._is_closed:
            return
        self._is_closed = True
        with suppress(*SOCKET_IS_GONE):
            await self._send({"type": "websocket.close", "code": code, "reason": reason})

    @property
    def credentials(self) -> Credentials | None:
        """What the caller was recognised by; None for strangers and before the acknowledgement."""
        shown = self._credentials if self._is_acknowledged else None
        return None if shown is None or shown.is_anonymous else shown

    async def _obey(self) -> None:
        try:
            async with asyncio.timeout(self._share.limits.init_timeout_s) as deadline:
                while not self._is_closed:
                    message = await self._receive()
                    if message["type"] == "websocket.disconnect":
                        self._is_closed = True
                        return
                    await self._take(self._parse(message.get("text")))
                    # Messages that came together are there at once: others have their turn in between.
                    await asyncio.sleep(0)
                    if self._is_acknowledged:
                        deadline.reschedule(None)
        except TimeoutError:
            raise CloseSocket(4408, "Connection initialisation timeout") from None

    def _parse(self, text: str | None) -> Frame:
        if text is None:
            raise CloseSocket(4400, "Messages must be text")
        if len(text.encode("utf-8", "surrogatepass")) > self._share.limits.max_message_bytes:
            raise CloseSocket(1009, "Message too big")
        try:
            return parse_frame(text)
        except BadFrame as error:
            raise CloseSocket(4400, str(error)) from None

    async def _take(self, frame: Frame) -> None:
        if isinstance(frame, Subscribe):
            await self._subscribe(frame)
        elif isinstance(frame, Complete):
            task = self._operations.pop(frame.operation_id, None)
            if task is not None:
                end_soon(task)
        elif isinstance(frame, Ping):
            await self._send_frame({"type": "pong", **({} if frame.payload is None else {"payload": frame.payload})})
        elif isinstance(frame, ConnectionInit):
            await self._init(frame)

    async def _init(self, frame: ConnectionInit) -> None:
        if self._init_received:
            raise CloseSocket(4429, "Too many initialisation requests")
        self._init_received = True
        try:
            self._credentials = credentials_of(self._connection, frame.payload)
            self.caller = await self._share.callers.authenticate(self._credentials)
        except SafelightError as error:
            # 1013 means "try again later"; clients do.
            raise CloseSocket(1013, "Unavailable") if error.status == 503 else CloseSocket(4403, "Forbidden") from None
        except Exception as error:
            report_fault(error, make_request_id())
            raise CloseSocket(4500, "Internal server error") from None
        await self._send_text(ACKNOWLEDGED)
        self._is_acknowledged = True

    async def _subscribe(self, frame: Subscribe) -> None:
        if not self._is_acknowledged:
            raise CloseSocket(4401, "Unauthorized")
        operation_id = frame.operation_id
        if operation_id in self._operations:
            raise CloseSocket(4409, f"Subscriber for {operation_id[:80]} already exists")
        if isinstance(frame.request, InvalidRequest):
            await self._refuse(operation_id, frame.request, make_request_id())
            return
        if len(self._operations) >= self._share.limits.max_operations:
            most = self._share.limits.max_operations
            refusal = TooManyOperations(f"At most {most} operations run on one socket.", details={"maximum": most})
            await self._refuse(operation_id, refusal, make_request_id())
            return
        self._operations[operation_id] = asyncio.create_task(self._run(operation_id, frame.request))

    async def _run(self, operation_id: str, request: OperationRequest) -> None:
        request_id = make_request_id()
        try:
            await self._stream(operation_id, request, self._context_maker(request_id), request_id)
        except OSError:
            self._is_closed = True
        except Exception as error:
            report_fault(error, request_id)
            await self._refuse(operation_id, InternalError(MASKED_MESSAGE), request_id)
        finally:
            self._forget(operation_id)

    async def _stream(
        self, operation_id: str, request: OperationRequest, make_context: Callable[[], Any], request_id: str
    ) -> None:
        share = self._share
        try:
            operation = await begin_charged(share.schema, share.callers, self.caller, request, make_context())
        except SafelightError as error:
            await self._refuse(operation_id, error, request_id)
            return
        # Everything around a response that stays the same for all of this operation's.
        head = f'{{"id":{orjson.dumps(operation_id).decode()},"type":'
        async with aclosing(stream_responses(operation, self._share.fanout, make_context, request_id)) as responses:
            async for response in responses:
                if isinstance(response, Failure):
                    self._forget(operation_id)
                    await self._send_text(f'{head}"error","payload":{response.text}}}')
                    return
                await self._send_text(f'{head}"next","payload":{response.text}}}')
        # The id is free again before the client can know it.
        self._forget(operation_id)
        await self._send_text(f'{head}"complete"}}')

    def _context_maker(self, request_id: str) -> Callable[[], Any]:
        return lambda: self._share.callers.make_context(self.caller, self._connection, request_id)

    def _forget(self, operation_id: str) -> None:
        # A cancelled operation must not remove a new one under the same id.
        if self._operations.get(operation_id) is asyncio.current_task():
            del self._operations[operation_id]

    async def _refuse(self, operation_id: str, error: SafelightError, request_id: str) -> None:
        self._forget(operation_id)
        await self._send_frame({"id": operation_id, "type": "error", "payload": [format_refusal(error, request_id)]})

    async def _send_frame(self, message: dict[str, object]) -> None:
        await self._send_text(orjson.dumps(message).decode())

    async def _send_text(self, text: str) -> None:
        if self._is_closed:
            return
        try:
            await self._send({"type": "websocket.send", "text": text})
        except SOCKET_IS_GONE:
            # There is nobody to tell; what still runs ends with the disconnect that comes next.
            self._is_closed = True

    async def _end_operations(self) -> None:
        tasks = list(self._operations.values())
        self._operations.clear()
        await end_tasks(tasks)
