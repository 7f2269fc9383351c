"""Server-sent events as they go over the wire."""

import asyncio

import httpx
import pytest

from app.graphql_api.events import send_events
from tests.support.toy_process import ToyServer
from tests.support.waiting import LIMIT_S

pytestmark = pytest.mark.usefixtures("traceback_free")

STREAM = {"accept": "text/event-stream"}


async def test_stream_has_the_events_and_headers_of_the_protocol(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "subscription{count(to:1)}"}, headers=STREAM)

    assert response.text == ':\n\nevent: next\ndata: {"data":{"count":0}}\n\nevent: complete\ndata: \n\n'
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["x-accel-buffering"] == "no"


async def test_subscription_by_get_works_for_event_source(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", params={"query": "subscription{count(to:1)}"}, headers=STREAM)

    assert response.text.count("event: next") == 1


@pytest.mark.parametrize("body", [b"null", b"[]", b"{", b'{"query":5}'])
async def test_malformed_request_is_refused_before_the_stream(client: httpx.AsyncClient, body: bytes) -> None:
    headers = {**STREAM, "content-type": "application/json"}

    response = await client.post("/graphql", content=body, headers=headers)

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json()["errors"][0]["extensions"]["code"] == "INVALID_REQUEST"


async def test_mutation_by_get_is_refused_before_the_stream(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", params={"query": 'mutation{shout(text:"x")}'}, headers=STREAM)

    assert response.status_code == 405


async def test_subscription_is_cleaned_up_when_its_client_leaves(toy: ToyServer, client: httpx.AsyncClient) -> None:
    body = {"query": "subscription{announcements{number}}"}
    async with client.stream("POST", "/graphql", json=body, headers=STREAM) as response:
        await anext(response.aiter_text())
        await toy.wait_for(1, 1)

    await toy.wait_for(1, 0)


async def test_silent_stream_beats() -> None:
    silence = asyncio.Event()
    sent: list[bytes] = []
    third_beat = asyncio.Event()

    async def nothing() -> object:
        await silence.wait()
        yield  # what makes it a generator; never reached

    async def receive() -> dict[str, object]:
        await third_beat.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message.get("body", b""))  # type: ignore[arg-type]  # bytes wherever there is one
        if sent.count(b":\n\n") == 3:
            third_beat.set()

    async with asyncio.timeout(LIMIT_S):
        await send_events(nothing(), receive, send, heartbeat_s=0.01)  # type: ignore[arg-type]  # yields nothing

    assert sent == [b"", b":\n\n", b":\n\n", b":\n\n"]
