"""Operations as streams, without a server between."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import orjson
import strawberry

from app.errors import Unauthorized, Unavailable
from app.graphql_api.callers import Callers, Credentials
from app.graphql_api.endpoint import GraphQLEndpoint
from app.graphql_api.execution import OperationRequest, make_schema
from app.graphql_api.fanout import Fanout
from app.graphql_api.streams import Next, stream_responses
from tests.support.toy_schema import Context, make_context, make_toy_schema
from tests.support.waiting import LIMIT_S, in_time


@strawberry.type
class Steps:
    """What a slow mutation and a slow subscription have reached."""

    started: strawberry.Private[asyncio.Event]
    may_end: strawberry.Private[asyncio.Event]
    ended: strawberry.Private[asyncio.Event]


steps: dict[str, Steps] = {}


def new_steps(name: str) -> Steps:
    steps[name] = Steps(started=asyncio.Event(), may_end=asyncio.Event(), ended=asyncio.Event())
    return steps[name]


@strawberry.type
class SlowEvent:
    @property
    def fanout_key(self) -> str:
        return "the same"

    @strawberry.field
    async def value(self) -> int:
        steps["event"].started.set()
        await steps["event"].may_end.wait()
        return 1


@strawberry.type
class Query:
    hello: str = "world"


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def slow(self) -> bool:
        steps["slow"].started.set()
        await steps["slow"].may_end.wait()
        steps["slow"].ended.set()
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def slow_event(self) -> AsyncGenerator[SlowEvent, None]:
        yield SlowEvent()


schema = make_schema(Query, Mutation, Subscription)


def context() -> Context:
    return Context("", "", 0)


async def first_of(query: str, fanout: Fanout) -> Any:
    operation = schema.begin(OperationRequest(query), context())
    async for response in stream_responses(operation, fanout, context, "id"):
        return orjson.loads(response.text)


async def test_mutation_runs_to_its_end_though_its_client_left() -> None:
    slow = new_steps("slow")
    client = asyncio.create_task(first_of("mutation{slow}", Fanout()))
    async with asyncio.timeout(LIMIT_S):
        await slow.started.wait()

        client.cancel()
        await asyncio.gather(client, return_exceptions=True)
        slow.may_end.set()

        await slow.ended.wait()


async def test_event_that_waits_is_executed_once_even_if_the_first_subscriber_leaves() -> None:
    event = new_steps("event")
    fanout = Fanout()
    query = "subscription{slowEvent{value}}"
    subscribers = [asyncio.create_task(first_of(query, fanout)) for _ in range(10)]
    async with asyncio.timeout(LIMIT_S):
        await event.started.wait()

    subscribers[0].cancel()
    event.may_end.set()
    outcomes = await in_time(asyncio.gather(*subscribers, return_exceptions=True))

    assert outcomes[1:] == [{"data": {"slowEvent": {"value": 1}}}] * 9
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert fanout.executions == 1


async def test_variables_of_any_shape_can_be_subscribed_with() -> None:
    toy = make_toy_schema()
    nested = orjson.loads("[" * 300 + "]" * 300)
    request = OperationRequest("subscription{count(to:1)}", {"unused": nested})

    responses = [each async for each in stream_responses(toy.begin(request, context()), Fanout(), context, "id")]

    assert responses == [Next('{"data":{"count":0}}')]


class FakeSocket:
    """What the endpoint knows of an open socket."""

    def __init__(self, authorization: str) -> None:
        self.credentials = Credentials(authorization, None, None)  # type: ignore[arg-type]  # nobody asks for it here
        self.caller = "before"
        self.closed_with: int | None = None

    async def close(self, code: int, reason: str) -> None:
        self.closed_with = code


async def test_recheck_asks_once_a_credential_and_judges_nobody_while_the_database_is_away() -> None:
    asked: list[str | None] = []

    async def authenticate(credentials: Credentials) -> str:
        asked.append(credentials.authorization)
        if credentials.authorization == "revoked":
            raise Unauthorized("No.")
        if credentials.authorization == "away":
            raise Unavailable("Later.")
        return "after"

    endpoint = GraphQLEndpoint(make_toy_schema(), Callers(authenticate, make_context))
    sockets = {name: [FakeSocket(name), FakeSocket(name)] for name in ("good", "revoked", "away")}
    for pair in sockets.values():
        endpoint.sockets.update(pair)  # type: ignore[arg-type]  # a double

    await endpoint.recheck_sockets()
    await asyncio.sleep(0)

    assert sorted(map(str, asked)) == ["away", "good", "revoked"]
    assert [(socket.caller, socket.closed_with) for socket in sockets["good"]] == [("after", None)] * 2
    assert [(socket.caller, socket.closed_with) for socket in sockets["revoked"]] == [("before", 4403)] * 2
    assert [(socket.caller, socket.closed_with) for socket in sockets["away"]] == [("before", None)] * 2


async def test_who_reads_nothing_keeps_nobody_elses_socket_open() -> None:
    class StuckSocket(FakeSocket):
        async def close(self, code: int, reason: str) -> None:
            await asyncio.Event().wait()

    async def authenticate(_credentials: Credentials) -> str:
        raise Unauthorized("No.")

    endpoint = GraphQLEndpoint(make_toy_schema(), Callers(authenticate, make_context))
    stuck, other = StuckSocket("one"), FakeSocket("other")
    endpoint.sockets.update([stuck, other])  # type: ignore[list-item]  # doubles

    async with asyncio.timeout(LIMIT_S):
        await endpoint.recheck_sockets()
        await asyncio.sleep(0)

    assert other.closed_with == 4403
