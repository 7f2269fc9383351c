"""Events are rendered once for subscribers that are alike: a subscriber never gets what another one may see."""

import itertools
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest_asyncio
from graphql import GraphQLObjectType, build_schema, get_named_type, is_leaf_type, is_required_argument

from app.domain.access import Scope
from app.graphql_api.schema import write_sdl
from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.graphql_client import Json
from tests.support.pictures import make_jpeg

SCHEMA = build_schema(write_sdl())
ALBUM = 'mutation { createAlbum(input: {slug: "hidden", title: "Hidden"}) { album { id } } }'
ADD = "mutation ($id: ID!, $album: ID) { updateImage(input: {id: $id, albumId: $album}) { image { id } } }"
STREAM = {"Accept": "text/event-stream"}
FURTHER = {"Image": ["album", "owner", "stableVariants", "exif"], "Album": ["owner", "cover", "images"]}
"""Objects that are looked into; `Album.images` by its count alone."""


def select(type_name: str, *, depth: int = 3) -> str:
    """Every field of a type that needs no argument, nested ones as `FURTHER` says."""
    kind = SCHEMA.type_map[type_name]
    assert isinstance(kind, GraphQLObjectType)
    chosen = []
    for name, field in kind.fields.items():
        below = get_named_type(field.type)
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        if is_leaf_type(below):
            chosen.append(name)
        elif name in FURTHER.get(type_name, ()) and depth:
            chosen.append(f"{name} {{ {select(below.name, depth=depth - 1)} }}")
    return " ".join(chosen)


@pytest_asyncio.fixture
async def watchers(people: People) -> AsyncIterator[tuple[str, Mapping[str, Client]]]:
    """An image in an album, and subscribers of different rights, all at one API."""
    owner = await people.add()
    few = {
        "reads albums": (await people.add_key(owner, Scope.ALBUMS_READ)).key,
        "reads images": (await people.add_key(owner, Scope.IMAGES_READ)).key,
        "reads both": (await people.add_key(owner, Scope.IMAGES_READ, Scope.ALBUMS_READ)).key,
        "stranger": (await people.add()).key,
    }
    async with people.client(owner) as client:
        album_id = (await client.ask(ALBUM))["createAlbum"]["album"]["id"]
        session = await client.upload(make_jpeg(320, 240), title="Beach", tags=["sun"])
        await client.wait_complete(session.image_id)
        await client.ask(ADD, id=session.image_id, album=album_id)
        keys = {**few, "anonymous": None, "upload token": session.token}
        yield session.image_id, {name: Client(client.base_url, key) for name, key in keys.items()}


async def test_no_subscriber_gets_what_another_may_see(watchers: tuple[str, Mapping[str, Client]]) -> None:
    image_id, clients = watchers
    selection = select("Image")
    alone = {name: await _ask(client, image_id, selection) for name, client in clients.items()}

    for first, second in itertools.permutations(clients, 2):
        # The same text within a second; another pair has another, so that nothing of it is kept.
        document = f"subscription {{ stableVariants(imageId: {json.dumps(image_id)}) {{ image {{ {selection} }} }} }}"
        document += f" # {first}, {second}"
        await _first_event(clients[first], document)
        seen = await _first_event(clients[second], document)
        assert seen == alone[second], (first, second)
    assert alone["reads both"]["image"]["album"]["title"] == "Hidden"
    assert alone["anonymous"]["image"]["album"] is None


async def _ask(client: Client, image_id: str, selection: str) -> Json:
    query = f"query ($id: ID!) {{ image(id: $id) {{ {selection} }} }}"
    answer = await client.http.post("/graphql", json={"query": query, "variables": {"id": image_id}})
    return _told(answer.json(), "image")


async def _first_event(client: Client, document: str) -> Json:
    async with client.http.stream("POST", "/graphql", json={"query": document}, headers=STREAM) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                return _told(json.loads(line.removeprefix("data: ")), "stableVariants", "image")
    raise AssertionError("no event")


def _told(body: Json, *path: str) -> Json:
    """The image, and the code of each error by the fields below it."""
    found: Any = body["data"]  # Any: what JSON holds
    for name in path:
        found = found and found[name]
    errors = {tuple(error["path"])[len(path) :]: error["extensions"]["code"] for error in body.get("errors", ())}
    return {"image": found, "errors": errors}
