"""Execute, encode and hand out one event to many subscribers, doing the work once for all who are alike."""

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLError

from app.graphql_api.errors import format_errors, report_errors
from app.graphql_api.execution import Answer, Operation

# What one event was rendered to is only worth keeping while its other subscribers wake up.
SHARED_FOR_S = 1.0
MAX_SHARED = 256


@dataclass(frozen=True, slots=True)
class _Shared:
    text: str | asyncio.Task[str | None] | None
    """The response; None where it may not be shared; a task while a resolver waits for something."""
    made_at_s: float


class Fanout:
    """The one place where an event becomes text for a socket.

    An event may carry `fanout_key`, a hashable value: equal keys promise that the same document with the same
    variables answers the same for whoever receives these events (what a viewer may see belongs into the key). Then
    it is executed and encoded once for all of them. Events without one, or with None, are rendered one by one.
    """

    def __init__(self) -> None:
        self._shared: OrderedDict[Hashable, _Shared] = OrderedDict()
        self.executions = 0
        """How often a selection was executed; less than the deliveries where sharing works."""

    async def render(
        self,
        operation: Operation,
        variables_key: bytes,
        event: object,
        make_context: Callable[[], Any],
        request_id: str,
    ) -> str:
        """Return the JSON of one event's GraphQL response; `make_context` is called where it is executed."""
        event_key = getattr(event, "fanout_key", None)
        if event_key is not None:
            request = operation.request
            key = (request.query, request.operation_name, variables_key, event_key)
            text = self._find(key) or self._share(key, self._execute(operation, event, make_context()))
            if isinstance(text, asyncio.Task):
                # Shielded: the subscriber that happens to wait first may leave while others wait on.
                text = await asyncio.shield(text)
            if text is not None:
                return text
        # Errors name their own request, so that they cannot be shared.
        answer = self._execute(operation, event, make_context())
        return encode_answer(answer if isinstance(answer, Answer) else await answer, request_id).decode()

    def _execute(self, operation: Operation, event: object, context: object) -> Answer | Awaitable[Answer]:
        self.executions += 1
        return operation.execute_event(event, context)

    def _find(self, key: Hashable) -> str | asyncio.Task[str | None] | None:
        shared = self._shared.get(key)
        return None if shared is None or time.monotonic() - shared.made_at_s > SHARED_FOR_S else shared.text

    def _share(self, key: Hashable, answer: Answer | Awaitable[Answer]) -> str | asyncio.Task[str | None] | None:
        text = _encode_shareable(answer) if isinstance(answer, Answer) else asyncio.create_task(_encode_later(answer))
        self._shared[key] = _Shared(text, time.monotonic())
        self._shared.move_to_end(key)
        while len(self._shared) > MAX_SHARED:
            self._shared.popitem(last=False)
        return text


async def _encode_later(answer: Awaitable[Answer]) -> str | None:
    return _encode_shareable(await answer)


def _encode_shareable(answer: Answer) -> str | None:
    if answer.errors:
        return None
    try:
        return orjson.dumps({"data": answer.data}).decode()
    except TypeError:
        return None


def encode_answer(answer: Answer, request_id: str) -> bytes:
    """Encode a response as JSON; reports its errors on the way.

    What a scalar gave that is no JSON is a fault: then the whole answer is one masked error.
    """
    body: dict[str, object] = {} if answer.is_refused else {"data": answer.data}
    if answer.errors:
        report_errors(answer.errors, request_id)
        body["errors"] = format_errors(answer.errors, request_id)
    try:
        return orjson.dumps(body)
    except TypeError as error:
        fault = GraphQLError("The answer is no JSON.", original_error=error)
        report_errors((fault,), request_id)
        return orjson.dumps({"data": None, "errors": format_errors((fault,), request_id)})


def variables_key(operation: Operation) -> bytes:
    """Return what tells an operation's variables from others, for `Fanout.render`."""
    variables = operation.request.variables
    if not variables:
        return b""
    # Copied: orjson's own bytes keep the 4 KB they were written into, for each idle subscription.
    try:
        return bytes(bytearray(orjson.dumps(variables, option=orjson.OPT_SORT_KEYS)))
    except TypeError:
        # Nested too deeply to be compared: then it is like no other.
        return os.urandom(16)
