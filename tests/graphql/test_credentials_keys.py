"""API keys over GraphQL: what they may give, how they end, and that open sockets end with them everywhere."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from app.db.engine import utc_now
from app.domain.access import Scope
from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.credentials import refusal_of, wait_closed
from tests.support.site_rows import let_key_expire

CREATE = """mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    secret apiKey { id name prefix scopes createdAt lastUsedAt expiresAt revokedAt }
  }
}"""
REVOKE = "mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id revokedAt } } }"
KEYS = "{ apiKeys { id name prefix scopes lastUsedAt revokedAt } }"
ME = "{ viewer { username scopes } }"
NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"

Json = dict[str, Any]


async def test_new_key_is_shown_once_and_works_at_once_on_every_process(people: People) -> None:
    person = await people.add()
    wanted = {"name": "  build server ", "scopes": ["IMAGES_READ", "ACCOUNT_READ", "IMAGES_READ"]}

    async with people.client(person) as client:
        made = (await client.ask(CREATE, input=wanted))["createApiKey"]
        listed = (await client.ask(KEYS))["apiKeys"]

    async with Client(people.site.api_urls[1], made["secret"]) as newcomer:
        viewer = (await newcomer.ask(ME))["viewer"]
    assert viewer == {"username": person.username, "scopes": ["IMAGES_READ", "ACCOUNT_READ"]}
    assert made["secret"].startswith(made["apiKey"]["prefix"])
    assert listed[0]["id"] == made["apiKey"]["id"]
    assert made["secret"] not in json.dumps(listed)


async def test_last_use_is_noted(people: People) -> None:
    person = await people.add()

    async with people.client(person) as client:
        await client.ask(ME)
        (key,) = (await client.ask(KEYS))["apiKeys"]
        viewer = (await client.ask("{ viewer { apiKeyLastUsedAt } }"))["viewer"]

    assert key["lastUsedAt"] is not None
    assert viewer["apiKeyLastUsedAt"] == key["lastUsedAt"]


async def test_key_cannot_give_a_scope_it_lacks(people: People) -> None:
    person = await people.add(scopes=[Scope.KEYS_WRITE, Scope.IMAGES_READ])

    async with people.client(person) as client:
        for scope in ("IMAGES_WRITE", "ADMIN"):
            refused = await refusal_of(client, CREATE, input={"name": "more", "scopes": ["IMAGES_READ", scope]})
            assert (refused["code"], refused["details"]) == ("FORBIDDEN", {"scope": Scope[scope].value})
        assert await client.ask(CREATE, input={"name": "less", "scopes": ["IMAGES_READ"]})


async def test_admin_may_give_everything(people: People) -> None:
    person = await people.add(scopes=[Scope.ADMIN])

    async with people.client(person) as client:
        assert await client.ask(CREATE, input={"name": "all", "scopes": [scope.name for scope in Scope]})


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
    ],
)
async def test_wrong_wish_is_refused_by_name(people: People, wrong: Json, field: str) -> None:
    person = await people.add()

    async with people.client(person) as client:
        refused = await refusal_of(client, CREATE, input={"name": "k", "scopes": ["IMAGES_READ"], **wrong})

    assert (refused["code"], refused["details"]["field"]) == ("INVALID_REQUEST", field)


async def test_foreign_absent_and_impossible_ids_are_refused_alike(people: People) -> None:
    person, stranger = await people.add(), await people.add()

    async with people.client(person) as client:
        absent = "018f3a9e-8a5b-7c21-9d0e-1f2a3b4c5d6e"
        refusals = [await refusal_of(client, REVOKE, id=key) for key in (stranger.key_id, absent, "x", "")]
        nodes = [(await client.ask(NODE, id=key))["node"] for key in (stranger.key_id, absent, person.key_id)]

    assert {refusal["code"] for refusal in refusals} == {"NOT_FOUND"}
    assert nodes == [None, None, {"__typename": "ApiKey", "id": person.key_id}]


async def test_revoked_key_is_refused_and_its_sockets_are_closed_on_every_process(people: People) -> None:
    person = await people.add()
    doomed = await people.add_key(person, *Scope)

    async with people.client(doomed, api=0) as here, people.client(doomed, api=1) as there:
        async with here.socket() as first, there.socket() as second, people.client(person, api=0) as owner:
            answer = await owner.ask(REVOKE, id=doomed.key_id)
            closes = await asyncio.gather(*(wait_closed(socket) for socket in (first, second)))
        statuses = [(await client.http.post("/graphql", json={"query": ME})).status_code for client in (here, there)]

    assert answer["revokeApiKey"]["apiKey"]["revokedAt"] is not None
    assert closes == [4403, 4403]
    assert statuses == [401, 401]


async def test_revoking_again_changes_nothing(people: People) -> None:
    person = await people.add()
    other = await people.add_key(person, Scope.IMAGES_READ)

    async with people.client(person) as client:
        once = await client.ask(REVOKE, id=other.key_id)

        assert await client.ask(REVOKE, id=other.key_id) == once


async def test_expired_key_is_refused_and_its_socket_closed(people: People) -> None:
    person = await people.add(expires_at=utc_now() + timedelta(hours=1))

    async with people.client(person) as client, client.socket() as socket:
        await let_key_expire(people.site, person.key_id)

        assert await wait_closed(socket) == 4403
        assert (await client.http.post("/graphql", json={"query": ME})).status_code == 401


async def test_disabling_an_account_closes_what_its_keys_and_upload_tokens_have_opened(people: People) -> None:
    person = await people.add()

    async with people.client(person) as client:
        session = await client.open_session(1_000)
        async with client.socket() as by_key, client.socket(token=session.token) as by_token:
            await people.disable(person)

            assert list(await asyncio.gather(wait_closed(by_key), wait_closed(by_token))) == [4403, 4403]
        assert (await client.send(session, b"x")).status_code == 401


async def test_key_without_a_scope_is_told_which(people: People) -> None:
    person = await people.add(scopes=[Scope.IMAGES_READ])

    async with people.client(person) as client:
        for query, scope in (("{ apiKeys { id } }", "keys:read"), ("{ viewer { id } }", "account:read")):
            refused = await refusal_of(client, query)
            assert (refused["code"], refused["details"]) == ("FORBIDDEN", {"scope": scope})
