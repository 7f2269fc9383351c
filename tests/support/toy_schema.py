"""A small schema behind the real endpoint, served by a real uvicorn: `python -m tests.support.toy_schema PORT`."""

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from itertools import count

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from app.errors import NotFound, Unauthorized, Unavailable
from app.graphql_api.callers import Callers, Credentials
from app.graphql_api.endpoint import GraphQLEndpoint
from app.graphql_api.execution import SafelightSchema, make_schema
from app.graphql_api.sockets import SocketLimits

GOOD_KEY = "Bearer good"
INIT_TIMEOUT_S = 120.0
SHORT_INIT_TIMEOUT_S = 0.5
"""At `/impatient`."""

contexts = count(1)
revoked: set[str] = set()


@dataclass(frozen=True, slots=True)
class Context:
    caller: str
    request_id: str
    number: int


Info = strawberry.Info[Context, None]


@strawberry.type
class Announcement:
    """One event; its key makes it one execution for all subscribers, negative numbers are executed for each."""

    number: int
    text: str

    @property
    def fanout_key(self) -> int | None:
        return self.number if self.number >= 0 else None

    @strawberry.field
    def context_number(self, info: Info) -> int:
        return info.context.number


class Hub:
    """Hands each announcement to every subscriber."""

    def __init__(self) -> None:
        self.queues: set[asyncio.Queue[Announcement]] = set()

    def publish(self, event: Announcement) -> int:
        for queue in self.queues:
            queue.put_nowait(event)
        return len(self.queues)


hub = Hub()


@strawberry.enum
class Colour(Enum):
    RED = "red"
    GREEN = "green"


@strawberry.type
class Item:
    number: int

    @strawberry.field
    def name(self) -> str:
        return f"item {self.number}"

    @strawberry.field
    def friends(self) -> list["Item"]:
        return [Item(number=n) for n in range(3)]


@strawberry.type
class ItemConnection:
    nodes: list[Item]
    total_count: int


@strawberry.input(one_of=True)
class Wanted:
    name: strawberry.Maybe[str]
    number: strawberry.Maybe[int]


@strawberry.input
class Note:
    text: str
    colour: Colour = Colour.RED
    tags: list[str] = strawberry.field(default_factory=list)


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"hello {name}"

    @strawberry.field
    def viewer(self, info: Info) -> str:
        return info.context.caller

    @strawberry.field
    def context_number(self, info: Info) -> int:
        return info.context.number

    @strawberry.field
    def items(self, first: int | None = None, last: int | None = None, after: str | None = None) -> ItemConnection:
        return ItemConnection(nodes=[Item(number=n) for n in range(first or last or 50)], total_count=1000)

    @strawberry.field
    def items_by_ids(self, ids: list[strawberry.ID]) -> list[Item]:
        return [Item(number=n) for n in range(len(ids))]

    @strawberry.field
    async def announcement(self) -> str:
        hub.queues.add(queue := asyncio.Queue[Announcement]())
        try:
            return (await queue.get()).text
        finally:
            hub.queues.discard(queue)

    @strawberry.field
    def find(self, wanted: Wanted) -> str:
        return "found"

    @strawberry.field
    def boom(self) -> str | None:
        raise RuntimeError("secret path /var/lib/secret")

    @strawberry.field
    def missing(self) -> str | None:
        raise NotFound("There is no such thing.", details={"someThing": 1})

    @strawberry.field
    def unavailable(self) -> str | None:
        raise Unavailable("The store does not answer.", retry_after_s=3)

    @strawberry.field
    def strange(self) -> strawberry.scalars.JSON:
        return object()  # type: ignore[return-value]  # on purpose: no JSON


@strawberry.type
class Mutation:
    @strawberry.mutation
    def shout(self, text: str) -> str:
        return text.upper()

    @strawberry.mutation
    def write(self, notes: list[Note]) -> int:
        return len(notes)

    @strawberry.mutation
    def announce(self, number: int, text: str = "") -> int:
        return hub.publish(Announcement(number=number, text=text))

    @strawberry.mutation
    def revoke(self, key: str) -> bool:
        revoked.add(key)
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        for number in range(to):
            yield number

    @strawberry.subscription
    async def context_numbers(self) -> AsyncGenerator[Item, None]:
        for number in range(3):
            yield Item(number=number)

    @strawberry.subscription
    async def announcements(self) -> AsyncGenerator[Announcement, None]:
        hub.queues.add(queue := asyncio.Queue[Announcement]())
        try:
            while True:
                yield await queue.get()
        finally:
            hub.queues.discard(queue)

    @strawberry.subscription
    async def never(self) -> AsyncGenerator[int, None]:
        yield 0
        await asyncio.Event().wait()

    @strawberry.subscription
    async def expires(self, after: int = 0) -> AsyncGenerator[int, None]:
        for number in range(after):
            yield number
        raise NotFound("It is gone.")

    @strawberry.subscription
    async def explodes(self) -> AsyncGenerator[int, None]:
        yield 1
        raise RuntimeError("secret path /var/lib/secret")


def make_toy_schema() -> SafelightSchema:
    return make_schema(Query, Mutation, Subscription)


async def authenticate(credentials: Credentials) -> str:
    if credentials.is_anonymous:
        return "anonymous"
    shown = credentials.authorization or credentials.api_key or ""
    if shown == "crash":
        raise RuntimeError("the database burns")
    if shown == "later":
        raise Unavailable("The database does not answer.", retry_after_s=2)
    if shown in revoked or not shown.removeprefix("Bearer ").startswith("good"):
        raise Unauthorized("The key is not good.")
    return shown.removeprefix("Bearer ")


def make_context(caller: str, connection: HTTPConnection, request_id: str) -> Context:
    return Context(caller=caller, request_id=request_id, number=next(contexts))


async def ide_page(request: Request) -> HTMLResponse:
    return HTMLResponse("<!doctype html><title>IDE</title>")


def make_app() -> Starlette:
    def make_endpoint(init_timeout_s: float) -> GraphQLEndpoint[str]:
        return GraphQLEndpoint(
            make_toy_schema(),
            Callers(authenticate, make_context),
            ide_page=ide_page,
            allowed_origins=["https://friend.example"],
            socket_limits=SocketLimits(init_timeout_s=init_timeout_s),
        )

    endpoint, impatient = make_endpoint(INIT_TIMEOUT_S), make_endpoint(SHORT_INIT_TIMEOUT_S)

    async def status(request: Request) -> PlainTextResponse:
        """What is open, in numbers: sockets, subscribers, executions, hits of the document cache."""
        documents = endpoint.schema.documents
        numbers = [len(endpoint.sockets), len(hub.queues), endpoint.fanout.executions, documents.hits, documents.misses]
        return PlainTextResponse(" ".join(map(str, numbers)))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async def recheck() -> None:
            while True:
                await asyncio.sleep(0.2)
                await endpoint.recheck_sockets()

        task = asyncio.create_task(recheck())
        yield
        task.cancel()

    routes = [
        Route("/graphql", endpoint),
        WebSocketRoute("/graphql", endpoint),
        WebSocketRoute("/impatient", impatient),
        Route("/status", status),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    uvicorn.run(
        make_app(),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        ws_per_message_deflate=False,
        ws_max_size=1_048_576,
        log_level="info",
        timeout_graceful_shutdown=3,
        access_log=False,
    )


if __name__ == "__main__":
    main()
