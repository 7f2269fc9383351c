"""HTTP connections with limits that uvicorn does not set: on a request's head, and on what waits to be answered."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn._types import ASGI3Application, HTTPScope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.connections.flow import HeldFlow
from app.connections.heads import (
    BAD_REQUEST,
    TOO_LARGE,
    AmbiguousHost,
    TooManyHeaders,
    UpgradeWithBody,
    body_length,
    has_body,
    has_one_host,
)
from app.connections.incomplete import IncompleteConnections
from app.connections.sending import SAFE_LINES, guard
from app.routes.answers import send_error, stopping

HEAD_TIMEOUT_S = 10.0
MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 200
"""Proxies add some to the thirty or so of a browser."""

PIECE_BYTES = 4096
"""How much is parsed at a time where requests may begin: a hundred small ones."""
MAX_WAITING = 16
"""Requests of one connection that wait for the answer to one before them; what follows is not parsed yet."""


_GRACE_S, _OTHER_GRACE_S = {"/graphql": 2.0}, 60.0
"""How long a client that sends no more is waited for: operations that it may have given up are not worth much."""

FindAnswer = Callable[[HTTPScope], tuple[int, bytes, bytes] | None]
"""Status, header lines and body for a scope of HTTP; None where the application must be asked."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes whoever sends no complete head in time; answers 431 where it is too large.

    Between two requests uvicorn's own keep-alive limit holds, until anything comes that begins no request.
    """

    _head_bytes = 0
    _header_count = 0
    _is_in_head = True
    _is_last = False
    """The request asks for another protocol: whatever comes behind its head is none of HTTP's."""
    _deadline: asyncio.TimerHandle | None = None
    _running: RequestResponseCycle | None = None
    """The newest that the application was asked about; others wait for its answer."""
    _held: memoryview | None = None
    """What has come and is not parsed yet, as enough requests wait; reading is paused meanwhile."""
    _is_going_on = False
    _body_left = 0
    """Bytes of the current body that are still to come, where its length is known."""
    _is_complete = True
    """Has the newest request come whole?"""
    _has_ended = False
    """Has the client closed its sending half?"""
    flow: HeldFlow

    def __init__(
        self,
        *args: Any,  # these and the options are uvicorn's
        head_timeout_s: float = HEAD_TIMEOUT_S,
        incomplete: IncompleteConnections | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self._head_timeout_s = head_timeout_s
        self._incomplete = incomplete or IncompleteConnections()
        self._find_answer: FindAnswer | None = getattr(self.app, "answer_at_once", None)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self.flow = HeldFlow(transport)
        if not self._incomplete.add(self, self.client):
            transport.close()
            return
        self._deadline = self.loop.call_later(self._head_timeout_s, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._forget_deadline()
        self._incomplete.remove(self)
        self._held = None
        self.pipeline.clear()
        super().connection_lost(exc)
        # uvicorn tells the request that came last, which may be waiting for others to be answered.
        if self._running is not None and not self._running.response_complete:
            self._break_off(self._running)

    def eof_received(self) -> bool:  # type: ignore[override]  # what asyncio lets it return
        """The client will send no more: it gets the answers to what it has asked whole."""
        is_waiting = self.cycle is not None and not self.cycle.response_complete and self._is_complete
        if not is_waiting or self._is_last or self.transport.is_closing():
            return False
        self._has_ended = True
        # One that has gone altogether looks the same until something is sent to it.
        grace_s = _GRACE_S.get(self.cycle.scope["path"], _OTHER_GRACE_S)
        self._forget_deadline()
        self._deadline = self.loop.call_later(grace_s, self.transport.close)
        return True

    def data_received(self, data: bytes) -> None:
        """Take bytes, unless they make the head too large or no request can follow."""
        if self._held is not None:
            self._held = memoryview(bytes(self._held) + data)
        elif len(data) <= PIECE_BYTES and len(self.pipeline) < MAX_WAITING:
            self._parse(data)
            self._note_progress()
        else:
            self._take(memoryview(data))

    def _take(self, data: memoryview) -> None:
        while data and not self.transport.is_closing():
            if len(self.pipeline) >= MAX_WAITING:
                self._held, self.flow.is_holding = data, True
                self.flow.pause_reading()
                return
            count = max(PIECE_BYTES, self._body_left)
            self._parse(bytes(data[:count]))
            data = data[count:]
        self._note_progress()

    def _parse(self, data: bytes) -> None:
        if self._is_last:
            return
        if self._is_in_head:
            room = MAX_HEAD_BYTES - self._head_bytes
            # What comes behind the empty line is the body, which others count.
            if len(data) > room and b"\r\n\r\n" not in data[:room]:
                self.transport.write(TOO_LARGE)
                self.transport.close()
                return
            self._head_bytes += len(data)
        super().data_received(data)

    def _note_progress(self) -> None:
        """Watch a request that has come in part: its head by the clock, all of it among those of its address."""
        if self.transport.is_closing() or self._is_last:
            return
        if self._deadline is None and (self._is_in_head or self._is_unwatched()):
            # Nearly every head comes whole, and needs no clock.
            self._deadline = self.loop.call_later(self._head_timeout_s, self.transport.close)
        if self._is_complete:
            self._incomplete.remove(self)
        elif not self._incomplete.add(self, self.client):
            self.transport.close()

    def on_response_complete(self) -> None:
        """Go on with what is held, once few requests wait."""
        super().on_response_complete()
        if self._has_ended and self._held is None and self.cycle.response_complete and not self.pipeline:
            self.transport.close()
        if self._held is not None and not self._is_going_on and len(self.pipeline) <= MAX_WAITING // 2:
            self._is_going_on = True
            # Not from here, which may be in the midst of the parser's work.
            self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        held, self._held = self._held, None
        self._is_going_on = self.flow.is_holding = False
        if held is None or self.transport.is_closing():
            return
        self._take(held)
        if self._held is None and not self.pipeline and not self.transport.is_closing():
            self.flow.resume_reading()

    def on_message_begin(self) -> None:
        """Begin a head; of a later request it is timed from here, where it has not come whole with these bytes."""
        super().on_message_begin()
        self._is_in_head = True
        self._is_complete = False
        self._header_count = 0
        if self._deadline is None:
            self._head_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, unless there are too many."""
        self._header_count += 1
        if self._header_count > MAX_HEADERS:
            raise TooManyHeaders
        super().on_header(name, value)

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser could not go on with."""
        if self._header_count > MAX_HEADERS:
            self.transport.write(TOO_LARGE)
            self.transport.close()
            return
        body = msg.encode()
        length = b"content-length: %d\r\n" % len(body)
        self.transport.write(BAD_REQUEST + SAFE_LINES + length + b"\r\n" + body)
        self.transport.close()

    def on_headers_complete(self) -> None:
        """End a head."""
        self._is_in_head = False
        self._head_bytes = 0
        self._body_left = body_length(self.headers)
        self._forget_deadline()
        if not has_one_host(self.headers, is_needed=self.parser.get_http_version() == "1.1"):
            raise AmbiguousHost
        if self.parser.should_upgrade():
            # httptools skips the body of such a request, whatever the protocol, and reads on in the midst of it.
            if has_body(self.headers):
                raise UpgradeWithBody
            self._is_last = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count what has come of a body."""
        self._body_left = max(0, self._body_left - len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; the next begins where another byte comes."""
        self._is_complete, self._body_left = True, 0
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection on; the socket has limits of its own."""
        self._forget_deadline()
        self._incomplete.remove(self)
        self._unset_keepalive_if_required()
        super().handle_websocket_upgrade()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Answer from memory here and now, where that can be; else let the application do it, in a task."""
        if self._is_last and cycle is self.cycle:
            cycle.keep_alive = False
        if not self._answer_at_once(cycle):
            # An answer from memory to the request before, in the same bytes, began to wait for this one.
            self._unset_keepalive_if_required()
            self._running = cycle
            super()._start_asgi_task(cycle, partial(self._serve, cycle, app))

    async def _serve(
        self, cycle: RequestResponseCycle, app: ASGI3Application, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Ask the application. Neither a client that goes nor our own end is a fault, as uvicorn takes it."""
        try:
            await app(scope, receive, guard(send, cycle))  # type: ignore[arg-type]  # two names for the same
        except asyncio.CancelledError:
            if not cycle.response_started:
                await send_error(guard(send, cycle), stopping())
            elif not cycle.response_complete:
                # Only that tells the client that there was more to come.
                self._break_off(cycle)
        except RuntimeError:
            # uvloop's, for each write to a connection that has just gone.
            if not self.transport.is_closing():
                raise
            self._break_off(cycle)

    def _break_off(self, cycle: RequestResponseCycle) -> None:
        cycle.disconnected = True
        cycle.message_event.set()
        self.transport.close()

    def _answer_at_once(self, cycle: RequestResponseCycle) -> bool:
        # Whoever does not read what he has asked for waits his turn; so does he who asks many things at once.
        is_busy = self.pipeline or cycle.waiting_for_100_continue or self.transport.get_write_buffer_size()
        if self._find_answer is None or is_busy or self.transport.is_closing():
            return False
        answer = self._find_answer(cycle.scope)
        if answer is None:
            return False
        status, lines, body = answer
        last = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        always = [b"%s: %s\r\n" % header for header in cycle.default_headers]
        self.transport.writelines([STATUS_LINE[status], *always, lines, last, body])
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return True

    def _is_unwatched(self) -> bool:
        # Any byte ends uvicorn's wait: an empty line, or the rest of a body whose request has its answer. Such a body
        # is let come for a while: who closes at once resets the connection, and the answer may be lost.
        is_answered = self.cycle is not None and self.cycle.response_complete
        return is_answered and self.timeout_keep_alive_task is None and not self._is_last

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
