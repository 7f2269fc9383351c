"""The GraphiQL page before a toy schema that has the names of the example tabs, and nothing behind them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import Info

from app.routes.ide import graphiql_page, static_mount

KEY = "sl_a-key-for-the-toy-server-0123456789"
IMAGE_ID = "0198c0de-0000-7000-8000-000000000001"
TOKEN = "upload-token-of-the-toy-server"


@dataclass(slots=True)
class Seen:
    """What reached the server."""

    authorization: list[str | None] = field(default_factory=list)
    socket_params: list[object] = field(default_factory=list)
    watched: list[str] = field(default_factory=list)
    uploads: list[tuple[str | None, bytes]] = field(default_factory=list)


@strawberry.type
class Image:
    id: strawberry.ID


@strawberry.type
class Session:
    upload_url: str
    token: str
    image: Image


@strawberry.input
class CreateUploadSessionInput:
    file_size: int
    filename: str


@strawberry.type
class Payload:
    session: Session


@strawberry.type
class Event:
    revision: int
    complete: bool


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "good evening"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def create_upload_session(self, input: CreateUploadSessionInput) -> Payload:  # noqa: A002 - the contract's own name
        session = Session(
            upload_url="http://elsewhere.invalid/upload/1", token=TOKEN, image=Image(id=strawberry.ID(IMAGE_ID))
        )
        return Payload(session=session)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def stable_variants(self, info: Info, image_id: strawberry.ID) -> AsyncIterator[Event]:
        seen: Seen = info.context["request"].app.state.seen
        seen.watched.append(image_id)
        seen.socket_params.append(info.context["connection_params"])
        for revision in range(3):
            yield Event(revision=revision, complete=revision == 2)


class Endpoint(GraphQL[object, None]):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            scope["app"].state.seen.authorization.append(request.headers.get("authorization"))
            if request.method == "GET":
                page = await graphiql_page(request)
                await page(scope, receive, send)
                return
        await super().__call__(scope, receive, send)


async def take_upload(request: Request) -> Response:
    request.app.state.seen.uploads.append((request.headers.get("authorization"), await request.body()))
    return JSONResponse({}, status_code=201)


@asynccontextmanager
async def toy_server() -> AsyncIterator[tuple[str, Seen]]:
    """Serve it on a free port; gives its address and what reaches it."""
    endpoint = Endpoint(
        strawberry.Schema(Query, Mutation, Subscription), subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL]
    )
    app = Starlette(
        routes=[
            Route("/graphql", endpoint, methods=["GET", "POST"]),
            WebSocketRoute("/graphql", endpoint),
            Route("/upload/{session}", take_upload, methods=["PUT"]),
            static_mount(),
        ]
    )
    app.state.seen = Seen()
    # A listening socket takes connections from now on, so there is no start to wait for.
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", app.state.seen
    finally:
        server.should_exit = True
        await serving
        listener.close()
