"""Watching a library while Redis is away: changes of another process are sent as soon as it is back."""

import asyncio

import pytest

from tests.support.client import Client
from tests.support.fault_sites import MakeSite
from tests.support.graphql_client import subscribe
from tests.support.pictures import make_jpeg
from tests.support.waiting import LIMIT_S

LIBRARY = "subscription { library { kind imageId image { title } } }"
UPDATE = "mutation ($id: ID!, $title: String!) { updateImage(input: {id: $id, title: $title}) { image { id } } }"


@pytest.mark.full("Redis restarted under a feed; `make test` stops Redis under uploads")
async def test_change_of_another_process_while_redis_was_away_is_sent(make_plain_site: MakeSite) -> None:
    broken = make_plain_site(apis=2)
    here, there = broken.site.api_urls
    async with Client(here) as acting, Client(there) as watching:
        session = await acting.upload(make_jpeg(320, 240), processing={"profile": "ORIGINAL_ONLY"})
        await acting.wait_complete(session.image_id)
        told: asyncio.Queue[tuple[str, str | None]] = asyncio.Queue()

        async def follow() -> None:
            async for event in subscribe(watching, LIBRARY):
                change = event["library"]
                told.put_nowait((change["kind"], change["image"]["title"]))

        following = asyncio.create_task(follow())
        async with asyncio.timeout(LIMIT_S):
            while told.empty():  # until it has begun
                await acting.ask(UPDATE, id=session.image_id, title="before")
                await asyncio.wait([following], timeout=0.05)
        # The worker's sweep would tell it too, sooner or later: here the process must find out by itself.
        for program in broken.site.workers:
            program.stop()
        broken.redis.kill()
        await acting.ask(UPDATE, id=session.image_id, title="meanwhile")
        broken.redis.start()

        async with asyncio.timeout(LIMIT_S):
            while (await told.get())[1] != "meanwhile":
                pass
        kind, title = "", None
        async with asyncio.timeout(LIMIT_S):
            while title != "after":  # hints may come twice, and a Redis that was away is not asked for a second
                await acting.ask(UPDATE, id=session.image_id, title="after")
                await asyncio.wait([following], timeout=0.05)
                while not told.empty():
                    kind, title = told.get_nowait()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    assert kind == "IMAGE_UPDATED"
