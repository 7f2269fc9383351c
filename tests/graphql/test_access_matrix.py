"""Every field × {no credential, wrong scope, somebody else's, expired, revoked}, from the table beside this file."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from graphql import GraphQLObjectType, build_schema, parse, validate

from app.domain.access import Scope
from app.graphql_api.schema import write_sdl
from tests.support.access_table import OWNERS_ALONE, TABLE, Entry
from tests.support.client import Client
from tests.support.pictures import Tags, make_jpeg
from tests.support.residents import ALL_BUT_ADMIN, Person, Residents
from tests.support.site import Site
from tests.support.site_rows import let_key_expire

SCHEMA = build_schema(write_sdl())
ROOTS = ("Query", "Mutation", "Subscription")
STREAM = {"Accept": "text/event-stream"}
ALBUM = 'mutation { createAlbum(input: {slug: "private"}) { album { id } } }'
PRESET = 'mutation { createVariantPreset(input: {name: "private", fit: CONTAIN, width: 9}) { preset { name } } }'
SIGNER = 'mutation { putSigningKey(name: "private") { signingKeys { name } } }'
REVOKE = "mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } } }"

Json = dict[str, Any]


def fields_of_roots() -> set[str]:
    roots = (SCHEMA.type_map[name] for name in ROOTS)
    return {f"{kind.name}.{field}" for kind in roots if isinstance(kind, GraphQLObjectType) for field in kind.fields}


PRESENT = sorted(fields_of_roots() & set(TABLE))
GUARDED = [name for name in PRESENT if TABLE[name].scope is not None]
NAMING = [name for name in PRESENT if "$" in TABLE[name].document]
LOOKED_UP = [name for name in PRESENT if TABLE[name].sees is not None]


@dataclass(frozen=True)
class World:
    """A site, an owner with one of everything, a stranger, and keys that are good no longer."""

    residents: Residents
    owner: Person
    stranger: Person
    expired: Person
    revoked: Person
    things: dict[str, str]
    public_image_id: str

    def document(self, entry: Entry, *, is_absent: bool = False) -> str:
        """Asked of the owner's things, or of what is nobody's."""
        text = entry.document
        for mark, own in self.things.items():
            absent = "no-such-name" if mark in {"$PRESET", "$SIGNER"} else str(uuid4())
            text = text.replace(mark, absent if is_absent else own)
        return text

    async def ask(self, person: Person | None, document: str) -> Json:
        """Status and answer, without what is different each time."""
        async with Client(self.residents.site.base_url, person.key if person else None) as client:
            status, text = await _first(client, document)
        body = json.loads(text)
        for error in body.get("errors") or ():
            error["extensions"].pop("requestId")
        return {"status": status, **body}


async def _first(client: Client, document: str) -> tuple[int, str]:
    """The status and the answer; of a subscription, which may never end, the first event."""
    headers = STREAM if document.startswith("subscription") else {}
    async with client.http.stream("POST", "/graphql", json={"query": document}, headers=headers) as answer:
        if answer.headers["content-type"].startswith("text/event-stream"):
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    return answer.status_code, line.removeprefix("data: ")
        return answer.status_code, (await answer.aread()).decode()


@pytest.fixture(scope="module")
def world(site: Site) -> World:
    """Made once for each set-up: the requests of the tests are refused, so nothing of it changes."""
    return asyncio.run(make_world(Residents(site)))


async def make_world(residents: Residents) -> World:
    owner, stranger = await residents.add(), await residents.add()
    expired, revoked = await residents.add_key(owner, *Scope), await residents.add_key(owner, *Scope)
    spare = await residents.add_key(owner, Scope.IMAGES_READ)
    async with Client(residents.site.base_url, owner.key) as client:
        private = await client.upload(make_jpeg(211, 70), visibility="PRIVATE", title="secret")
        located = make_jpeg(212, 70, tags=Tags(gps=True, camera=True))
        public = await client.upload(located, metadata={"a": 1}, processing={"profile": "ORIGINAL_ONLY"})
        await client.wait_complete(public.image_id)
        waiting = await client.open_session(1_000)
        things = {"$IMAGE": private.image_id, "$SESSION": waiting.id, "$KEY": spare.key_id, "$SIGNER": "private"}
        await client.ask(SIGNER)
        await client.ask(REVOKE, id=revoked.key_id)
        if "Mutation.createAlbum" in PRESENT:
            things["$ALBUM"] = (await client.ask(ALBUM))["createAlbum"]["album"]["id"]
        if "Mutation.createVariantPreset" in PRESENT:
            things["$PRESET"] = (await client.ask(PRESET))["createVariantPreset"]["preset"]["name"]
    await let_key_expire(residents.site, expired.key_id)
    return World(residents, owner, stranger, expired, revoked, things, public.image_id)


def refusal_of(answer: Json) -> Json:
    (error,) = answer["errors"]
    extensions: Json = error["extensions"]
    return extensions


def test_every_field_has_an_entry() -> None:
    assert fields_of_roots() - set(TABLE) == set(), "add them to tests/support/access_table.py"


@pytest.mark.parametrize("name", PRESENT)
def test_every_entry_asks_its_own_field_and_is_good_graphql(name: str) -> None:
    assert validate(SCHEMA, parse(TABLE[name].document)) == []
    assert name.partition(".")[2] in TABLE[name].document


@pytest.mark.parametrize("name", GUARDED)
async def test_without_a_credential_it_is_unauthorized(world: World, name: str) -> None:
    answer = await world.ask(None, world.document(TABLE[name]))

    assert refusal_of(answer)["code"] == "UNAUTHORIZED"
    assert not any((answer.get("data") or {}).values())


@pytest.mark.parametrize("name", GUARDED)
async def test_with_every_scope_but_its_own_it_is_forbidden(world: World, name: str) -> None:
    scope = TABLE[name].scope
    limited = await world.residents.add_key(world.owner, *(other for other in ALL_BUT_ADMIN if other is not scope))
    try:
        answer = await world.ask(limited, world.document(TABLE[name]))
    finally:
        await _revoke(world, limited)

    assert scope is not None
    assert refusal_of(answer) == {"code": "FORBIDDEN", "details": {"scope": scope.value}}


@pytest.mark.parametrize("name", LOOKED_UP)
async def test_what_is_private_is_absent_for_nobody_and_without_the_scope(world: World, name: str) -> None:
    entry = TABLE[name]
    limited = await world.residents.add_key(world.owner, *(other for other in ALL_BUT_ADMIN if other is not entry.sees))
    absent = await world.ask(world.owner, world.document(entry, is_absent=True))
    try:
        seen = [await world.ask(person, world.document(entry)) for person in (None, limited)]
        own = await world.ask(world.owner, world.document(entry))
    finally:
        await _revoke(world, limited)

    assert seen == [absent, absent]
    assert own != absent, "the owner sees it, or this would show nothing"


@pytest.mark.parametrize("name", NAMING)
async def test_somebody_elses_looks_exactly_like_what_is_not_there(world: World, name: str) -> None:
    document, entry = world.document(TABLE[name]), TABLE[name]

    foreign = await world.ask(world.stranger, document)
    absent = await world.ask(world.stranger, absent_document := world.document(entry, is_absent=True))

    assert without_ids(foreign, document) == without_ids(absent, absent_document)


@pytest.mark.parametrize("name", PRESENT)
async def test_expired_and_revoked_credentials_are_refused_whatever_is_asked(world: World, name: str) -> None:
    document = world.document(TABLE[name])

    answers = [await world.ask(person, document) for person in (world.expired, world.revoked)]

    assert [(answer["status"], refusal_of(answer)["code"]) for answer in answers] == [(401, "UNAUTHORIZED")] * 2


@pytest.mark.parametrize("selection", OWNERS_ALONE)
async def test_what_is_the_owners_alone_nobody_else_sees_of_a_public_image(world: World, selection: str) -> None:
    document = f'{{ image(id: "{world.public_image_id}") {{ {selection} }} }}'
    assert validate(SCHEMA, parse(document)) == []

    answers = [await world.ask(person, document) for person in (None, world.stranger)]

    field = selection.partition("(")[0].partition(" ")[0]
    seen = [answer["data"]["image"][field] for answer in answers]
    assert seen == [OWNERS_ALONE[selection]] * 2


def without_ids(answer: Json, document: str) -> str:
    """The answer with whatever the document named replaced."""
    text = json.dumps(answer, sort_keys=True)
    for part in sorted(set(document.split('"')[1::2]), key=len, reverse=True):
        text = text.replace(part, "NAMED") if part else text
    return text


async def _revoke(world: World, person: Person) -> None:
    async with Client(world.residents.site.base_url, world.owner.key) as client:
        await client.ask(REVOKE, id=person.key_id)
