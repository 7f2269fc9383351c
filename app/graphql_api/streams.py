"""One operation as a stream of encoded responses, whatever carries them: a socket or server-sent events."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

import orjson
from graphql import OperationType

from app.graphql_api.errors import format_errors, report_errors
from app.graphql_api.execution import Answer, Operation
from app.graphql_api.fanout import Fanout, encode_answer, variables_key


@dataclass(frozen=True, slots=True)
class Next:
    """A response: `text` is its JSON object."""

    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """The operation cannot begin or go on: `text` is the JSON list of its errors. Nothing follows."""

    text: str


async def stream_responses(
    operation: Operation | Answer, fanout: Fanout, make_context: Callable[[], Any], request_id: str
) -> AsyncGenerator[Next | Failure, None]:
    """Yield each response of an operation: one for queries and mutations, one per event for subscriptions.

    `make_context` is called anew for every event, so that no loader answers with rows of an earlier one.
    """
    if isinstance(operation, Answer):
        yield _fail(operation, request_id)
        return
    if operation.kind is not OperationType.SUBSCRIPTION:
        yield Next(encode_answer(await _run_unbroken(operation), request_id).decode())
        return
    try:
        source = await operation.open_source()
        if isinstance(source, Answer):
            yield _fail(source, request_id)
            return
        key = variables_key(operation)
        # Resolvers are async generators: closing them runs their `finally` now and not when memory is collected.
        async with aclosing(cast("AsyncGenerator[object, None]", source)):
            async for event in source:
                yield Next(await fanout.render(operation, key, event, make_context, request_id))
    except Exception as error:
        yield _fail(Answer(None, (operation.locate(error),)), request_id)


async def _run_unbroken(operation: Operation) -> Answer:
    """Run to the end even if the client goes away: half a mutation helps nobody."""
    if operation.kind is not OperationType.MUTATION:
        return await operation.run()
    running = asyncio.create_task(operation.run())
    _unbroken.add(running)
    running.add_done_callback(_unbroken.discard)
    return await asyncio.shield(running)


# The event loop itself holds its tasks only weakly.
_unbroken: set[asyncio.Task[Answer]] = set()


def _fail(answer: Answer, request_id: str) -> Failure:
    report_errors(answer.errors, request_id)
    return Failure(orjson.dumps(format_errors(answer.errors, request_id)).decode())
