"""Questions that many tests ask, and selections of everything that a type has."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import cache
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from tests.support.client import Client, OpenSession, follow
from tests.support.paths import ROOT
from tests.support.waiting import LIMIT_S

SDL_PATH = ROOT / "schema.graphql"

_SESSION = """
query ($id: ID!) {
  uploadSession(id: $id) {
    id state receivedBytes maxBytes duplicate token oneTimeUrl expiresAt error { code message details }
    image { id state sha256 }
  }
}
"""
WATCH_SESSION = """
subscription ($id: ID!) {
  uploadSession(id: $id) { state receivedBytes session { id state error { code } } image { id state complete } }
}
"""
_IMAGE = """
query ($id: ID!) {
  image(id: $id) {
    id state revision complete failed filename width height frames contentType byteSize sha256 visibility
    stableVariants { id family size state ready url width height byteSize contentType animated version }
  }
}
"""
Json = dict[str, Any]  # Any: what a server answered, looked into key by key


@cache
def load_sdl() -> GraphQLSchema:
    """The committed schema."""
    return build_schema(SDL_PATH.read_text())


@cache
def select_all(type_name: str, depth: int = 3) -> str:
    """A selection of every field of a type, and of theirs down to `depth`.

    Fields that need arguments are left out, and `signedUrl`, which differs from one second to the next.
    """
    kind = load_sdl().type_map[type_name]
    assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
    parts = []
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        if name == "signedUrl":
            continue
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        if is_leaf_type(inner):
            parts.append(name)
        elif depth > 1:
            parts.append(f"{name} {select_all(inner.name, depth - 1)}")
    return "{ " + " ".join(["__typename", *parts]) + " }"


async def ask_session(client: Client, session_id: str) -> Json:
    """A session as its owner sees it."""
    session = (await client.ask(_SESSION, id=session_id))["uploadSession"]
    assert isinstance(session, dict)
    return session


async def ask_image(client: Client, image_id: str) -> Json:
    """An image as the client sees it."""
    image = (await client.ask(_IMAGE, id=image_id))["image"]
    assert isinstance(image, dict)
    return image


async def subscribe(
    client: Client, query: str, *, token: str | None = None, **variables: object
) -> AsyncGenerator[Json, None]:
    """The data of each event of a subscription; raises `GraphQLFailure` where it ends with an error."""
    async with client.socket(token=token) as socket:
        payload = {"query": query, "variables": variables}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        async for event in follow(socket):
            yield event


async def follow_session(
    client: Client, session: OpenSession, *, token: str | None = None, begun: asyncio.Event | None = None
) -> list[Json]:
    """Every event of uploadSession to its end; `begun` is set when the first has come."""
    events = []
    async with asyncio.timeout(LIMIT_S):
        async for event in subscribe(client, WATCH_SESSION, token=token, id=session.id):
            events.append(event["uploadSession"])
            if begun is not None:
                begun.set()
    return events


async def wait_session(client: Client, session: OpenSession, *states: str) -> Json:
    """The first event of uploadSession in one of these states."""
    async with asyncio.timeout(LIMIT_S), aclosing(subscribe(client, WATCH_SESSION, id=session.id)) as events:
        async for event in events:
            if event["uploadSession"]["state"] in states:
                return dict(event["uploadSession"])
    raise AssertionError(f"the session never was {states}")


def sha256_of(content: bytes) -> str:
    """Lower-case hex."""
    return hashlib.sha256(content).hexdigest()
