"""What watchers of an image are told, and whether it hangs together."""

import asyncio

from tests.support.client import Client
from tests.support.graphql_client import Json
from tests.support.waiting import in_time


async def watch_from_now(client: Client, image_id: str, *, token: str | None = None) -> "asyncio.Task[list[Json]]":
    """Begin to watch; returned when the first event has come."""
    begun = asyncio.Event()

    async def run() -> list[Json]:
        events = []
        async for event in client.watch(image_id, token=token):
            events.append(event)
            begun.set()
        return events

    task = asyncio.create_task(run())
    await in_time(begun.wait())
    return task


def check_story(events: list[Json]) -> None:
    """Does a watcher's story hang together: every event the whole state, revisions growing, what is READY stays so?"""
    revisions = [event["revision"] for event in events]
    assert revisions == sorted(set(revisions))
    ready: set[tuple[str, str]] = set()
    for event in events:
        now = {(v["family"], v["size"]) for v in event["stableVariants"] if v["ready"]}
        assert ready <= now
        told = {(v["family"], v["size"]) for v in event["changed"] if v["ready"]}
        assert now - ready <= told
        assert event["progress"]["ready"] == len(now)
        ready = now
    assert [event["complete"] for event in events] == [False] * (len(events) - 1) + [True]
    assert events[-1]["image"]["state"] == "READY"
