"""The main flow as a client goes it, over real HTTP and a real socket: open a session, watch, send, fetch."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from tests.support.client import Client
from tests.support.waiting import in_time

Json = dict[str, Any]  # Any: what a server answered, looked into key by key


@dataclass(frozen=True, slots=True)
class Journey:
    """What a client saw."""

    image_id: str
    events: list[Json]
    urls: list[str]
    """Addresses that were given before the first byte was sent."""


async def ask(base_url: str, key: str, query: str, **variables: object) -> Json:
    """One operation over HTTP; an error in the answer is an error here."""
    async with Client(base_url, key) as client:
        return await client.ask(query, **variables)


async def travel(base_url: str, key: str, picture: bytes) -> Journey:
    """Open, subscribe before a byte is sent, send, and follow the events to their end."""
    async with Client(base_url, key) as client:
        session = await client.open_session(len(picture), filename="a.jpg")
        async with aclosing(client.watch(session.image_id)) as events:  # type: ignore[type-var]  # a generator
            seen = [await in_time(anext(events))]
            sent = await client.send(session, picture)
            assert sent.status_code == 201, sent.text
            seen += await in_time(_rest_of(events))
    return Journey(session.image_id, seen, list(session.urls.values()))


async def _rest_of(events: AsyncIterator[Json]) -> list[Json]:
    return [event async for event in events]
