"""GraphQL without a credential: the cost of operations counts by client address, whatever carries them."""

import json
from typing import Any

import httpx
from websockets.asyncio.client import connect

from tests.support.accounts_fixture import People
from tests.support.client import UNHURRIED
from tests.support.http_client import open_http
from tests.support.ws_client import PROTOCOL, receive, send, subscribe

HEAVY = """{ albums(first: 100) { nodes { images(first: 90) { nodes { id } } } } }"""
LIGHT = "{ server { version } }"
EVENTS = {"Accept": "text/event-stream"}
MAX_TRIES = 40
"""Above 500,000 by 18,000."""


async def ask(people: People, query: str, address: str, **headers: str) -> httpx.Response:
    async with open_http(people.site.base_url, headers={"X-Forwarded-For": address, **headers}) as client:
        return await client.post("/graphql", json={"query": query})


async def use_up(people: People, address: str) -> httpx.Response:
    for _ in range(MAX_TRIES):
        answer = await ask(people, HEAVY, address)
        if answer.status_code == 429:
            return answer
    raise AssertionError("no limit was reached")


def error_of(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = answer["errors"][0]["extensions"]
    return found


async def test_an_address_that_has_used_up_its_cost_is_refused_on_every_way(people: People) -> None:
    refused = await use_up(people, "198.51.100.77")

    again = await ask(people, HEAVY, "198.51.100.77")
    streamed = await ask(people, HEAVY, "198.51.100.77", **EVENTS)
    for answer in (refused, again, streamed):
        assert answer.status_code == 429
        assert error_of(answer.json())["code"] == "RATE_LIMITED"
        assert int(answer.headers["retry-after"]) == error_of(answer.json())["retryAfter"] > 0
    assert refused.headers["x-ratelimit-limit"] == "500000"
    url = people.site.base_url.replace("http", "ws", 1) + "/graphql"
    headers = {"X-Forwarded-For": "198.51.100.77"}
    async with connect(url, subprotocols=[PROTOCOL], additional_headers=headers, **UNHURRIED) as socket:
        await send(socket, type="connection_init")
        assert await receive(socket) == {"type": "connection_ack"}
        await subscribe(socket, HEAVY)
        message = await receive(socket)
    assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "RATE_LIMITED")
    assert message["payload"][0]["extensions"]["retryAfter"] > 0


async def test_other_addresses_and_callers_with_a_credential_are_not_limited_by_it(people: People) -> None:
    person = await people.add()
    await use_up(people, "198.51.100.78")

    other = await ask(people, HEAVY, "198.51.100.79")
    own = await ask(people, HEAVY, "198.51.100.78", **{"X-API-Key": person.key})

    assert (other.status_code, own.status_code) == (200, 200)
    assert "errors" not in own.json(), json.dumps(own.json())[:500]


async def test_documents_that_were_not_seen_before_cost_their_length(people: People) -> None:
    texts = [LIGHT + f" # {number} " + "x" * 60_000 for number in range(2 * 500_000 // 7_500)]

    statuses = set()
    for text in texts:
        statuses.add((await ask(people, text, "198.51.100.80")).status_code)
        if 429 in statuses:
            break

    assert statuses == {200, 429}
