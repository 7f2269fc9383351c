"""library: everything that happens to the caller's images, on any process, over sockets and event streams."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.support.accounts_fixture import People
from tests.support.client import Client, GraphQLFailure
from tests.support.graphql_client import Json, subscribe
from tests.support.pictures import make_jpeg
from tests.support.residents import ALL_BUT_ADMIN, Person
from tests.support.site_logs import faults_of
from tests.support.waiting import LIMIT_S

LIBRARY = """
subscription ($albumId: ID) {
  library(albumId: $albumId) { kind imageId image { id state title deletedAt album { slug } } }
}
"""
ALBUM = "mutation ($slug: String!) { createAlbum(input: {slug: $slug}) { album { id } } }"
UPDATE = "mutation ($input: UpdateImageInput!) { updateImage(input: $input) { image { id } } }"
DELETE = (
    "mutation ($ids: [ID!]!, $permanent: Boolean!) { deleteImages(ids: $ids, permanent: $permanent) { deletedIds } }"
)
RESTORE = "mutation ($ids: [ID!]!) { restoreImages(ids: $ids) { images { id } } }"
REVOKE = "mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } } }"


@pytest.fixture(autouse=True, scope="module")
def quiet(people: People) -> Iterator[None]:
    yield
    assert faults_of(people.site) == []


@dataclass
class Story:
    """What a watcher was told so far."""

    events: list[Json] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, event: Json) -> None:
        self.events.append(event)
        self._more.set()

    async def until(self, kind: str, image_id: str, state: str | None = None) -> Json:
        """The first event of this kind for this image, in this state."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                for event in self.events:
                    is_it = (event["kind"], event["imageId"]) == (kind, image_id)
                    if is_it and (state is None or event["image"]["state"] == state):
                        return event
                self._more.clear()
                await self._more.wait()

    def kinds(self, image_id: str) -> list[str]:
        return [event["kind"] for event in self.events if event["imageId"] == image_id]


@asynccontextmanager
async def watching(client: Client, album_id: str | None = None) -> AsyncIterator[Story]:
    """Told from now on, and of nothing that happened before."""
    story = Story()

    async def read() -> None:
        async for event in subscribe(client, LIBRARY, albumId=album_id):
            story.tell(event["library"])

    reading = asyncio.create_task(read())
    try:
        await _probe(client, story, album_id)
        yield story
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _probe(client: Client, story: Story, album_id: str | None) -> None:
    # No event says that a subscription has begun; what is told of a change made for the purpose does.
    probe = await client.upload(make_jpeg(24, 16, noise=True), albumId=album_id)
    async with asyncio.timeout(LIMIT_S):
        while not story.events:
            await client.ask(UPDATE, input={"id": probe.image_id, "title": "are you there?"})
    await client.ask(DELETE, ids=[probe.image_id], permanent=True)
    await story.until("IMAGE_PURGED", probe.image_id)
    story.events.clear()


async def test_the_life_of_an_image_is_told_on_another_process(people: People) -> None:
    me = await people.add()
    async with people.client(me) as here, people.client(me, api=1) as there, watching(there) as story:
        session = await here.upload(make_jpeg(641, 480))
        created = await story.until("IMAGE_CREATED", session.image_id)
        await here.wait_complete(session.image_id)
        await story.until("VARIANTS_CHANGED", session.image_id)
        await here.ask(UPDATE, input={"id": session.image_id, "title": "Sea"})
        updated = await story.until("IMAGE_UPDATED", session.image_id)
        await here.ask(DELETE, ids=[session.image_id], permanent=False)
        deleted = await story.until("IMAGE_DELETED", session.image_id)
        await here.ask(RESTORE, ids=[session.image_id])
        restored = await story.until("IMAGE_RESTORED", session.image_id)
        await here.ask(DELETE, ids=[session.image_id], permanent=True)
        purged = await story.until("IMAGE_PURGED", session.image_id)

    assert created["image"]["state"] in {"PROCESSING", "READY"}
    assert updated["image"]["title"] == "Sea"
    assert deleted["image"]["deletedAt"] is not None
    assert restored["image"]["deletedAt"] is None
    assert purged["image"] is None
    once = ["IMAGE_CREATED", "IMAGE_UPDATED", "IMAGE_DELETED", "IMAGE_RESTORED", "IMAGE_PURGED"]
    assert [kind for kind in story.kinds(session.image_id) if kind != "VARIANTS_CHANGED"] == once


async def test_every_variant_is_in_what_was_told_last(people: People) -> None:
    me = await people.add()
    async with people.client(me) as client, watching(client) as story:
        session = await client.upload(make_jpeg(642, 480))
        await client.wait_complete(session.image_id)
        await story.until("VARIANTS_CHANGED", session.image_id, state="READY")

    assert set(story.kinds(session.image_id)) == {"IMAGE_CREATED", "VARIANTS_CHANGED"}


async def test_filters_filter_and_no_account_hears_of_others(people: People) -> None:
    me, other = await people.add(), await people.add()
    async with people.client(me) as mine, people.client(other) as foreign:
        album, elsewhere = [(await mine.ask(ALBUM, slug=slug))["createAlbum"]["album"]["id"] for slug in ("a", "b")]
        async with watching(mine) as all_of_it, watching(mine, album) as one_album:
            stranger = await foreign.upload(make_jpeg(643, 480))
            outside = await mine.upload(make_jpeg(644, 480), albumId=elsewhere)
            inside = await mine.upload(make_jpeg(645, 480), albumId=album)
            for session in (outside, inside):
                await mine.wait_complete(session.image_id)
            await mine.ask(UPDATE, input={"id": inside.image_id, "albumId": elsewhere})
            left = await one_album.until("IMAGE_UPDATED", inside.image_id)
            await all_of_it.until("IMAGE_UPDATED", inside.image_id)

    assert left["image"]["album"] == {"slug": "b"}
    assert {event["imageId"] for event in one_album.events} == {inside.image_id}
    told = {event["imageId"] for event in all_of_it.events}
    assert {inside.image_id, outside.image_id} <= told
    assert stranger.image_id not in told


@pytest.mark.parametrize("whose", ["foreign", "absent", "nonsense"])
async def test_an_album_that_is_not_the_callers_is_not_there(people: People, whose: str) -> None:
    me, other = await people.add(), await people.add()
    async with people.client(me) as mine, people.client(other) as foreign:
        there = (await foreign.ask(ALBUM, slug="theirs"))["createAlbum"]["album"]["id"]
        album = {"foreign": there, "absent": "01a1f7e4-fabd-7139-821b-d3358eb5a490", "nonsense": "x"}[whose]
        with pytest.raises(GraphQLFailure) as refused:
            await anext(subscribe(mine, LIBRARY, albumId=album))

    assert (refused.value.code, refused.value.errors[0]["message"]) == ("NOT_FOUND", "There is no such album.")


async def _revoke(people: People, me: Person, key_id: str) -> None:
    async with people.client(me, api=1) as elsewhere:
        await elsewhere.ask(REVOKE, id=key_id)


async def test_a_revoked_key_ends_its_watching_over_a_socket(people: People) -> None:
    me = await people.add()
    key = await people.add_key(me, *ALL_BUT_ADMIN)
    async with people.client(key) as client, client.socket() as socket:
        payload = {"query": LIBRARY, "variables": {}}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        await _revoke(people, me, key.key_id)
        async with asyncio.timeout(LIMIT_S):
            await socket.wait_closed()

        assert socket.close_code == 4403


async def test_a_revoked_key_ends_its_event_stream_with_a_word(people: People) -> None:
    me = await people.add()
    key = await people.add_key(me, *ALL_BUT_ADMIN)
    document, headers = {"query": "subscription { library { kind } }"}, {"Accept": "text/event-stream"}
    async with (
        people.client(key) as client,
        client.http.stream("POST", "/graphql", json=document, headers=headers) as stream,
    ):
        lines = stream.aiter_lines()
        await anext(lines)
        await _revoke(people, me, key.key_id)
        async with asyncio.timeout(LIMIT_S), aclosing(lines):  # type: ignore[type-var]  # a generator
            rest = [line async for line in lines if line and not line.startswith(":")]

    event, data, last, _ = rest
    assert (event, last) == ("event: next", "event: complete")
    assert json.loads(data.removeprefix("data: "))["errors"][0]["extensions"]["code"] == "UNAUTHORIZED"
