"""Push: subscribe before, during and after the upload, on any process, with any credential; nothing is missed."""

import asyncio
from contextlib import aclosing
from uuid import UUID

import pytest
from sqlalchemy import update

from app.db.engine import utc_now
from app.db.tables import images
from app.domain.access import Visibility
from tests.support.client import Client, GraphQLFailure, OpenSession
from tests.support.graphql_client import WATCH_SESSION, Json, follow_session, subscribe, wait_session
from tests.support.pictures import make_jpeg
from tests.support.raw_http import Wire, open_wire, target_of
from tests.support.site import Site
from tests.support.site_rows import change_image, let_expire, open_rows
from tests.support.stories import check_story, watch_from_now
from tests.support.waiting import LIMIT_S, in_time

pytestmark = pytest.mark.usefixtures("wide_quiet")


async def collect(client: Client, image_id: str, *, after: int | None = None, token: str | None = None) -> list[Json]:
    async with asyncio.timeout(LIMIT_S):
        return [event async for event in client.watch(image_id, after=after, token=token)]


async def test_watchers_on_both_processes_see_every_variant_from_before_the_upload(wide_site: Site) -> None:
    async with wide_site.client() as first, wide_site.client(api=1) as second:
        content = make_jpeg(1300, 900)
        session = await first.open_session(len(content))
        tasks = [
            await watch_from_now(first, session.image_id),
            await watch_from_now(second, session.image_id),
            await watch_from_now(second, session.image_id, token=session.token),
        ]

        assert (await first.send(session, content)).status_code == 201
        stories = await in_time(asyncio.gather(*tasks))

    for events in stories:
        check_story(events)
        assert (events[0]["image"]["state"], events[0]["progress"]["ready"]) == ("AWAITING_UPLOAD", 0)
        assert {v["state"] for v in events[0]["changed"]} == {"PLANNED"}
        assert events[-1]["progress"] == {"total": 7, "ready": 7, "failed": 0}
        assert events[-1]["image"]["placeholder"]["dataUri"].startswith("data:image/png;base64,")


async def test_watching_afterwards_gives_one_event_with_everything(wide_site: Site) -> None:
    async with wide_site.client(api=1) as client, wide_site.stranger(api=1) as stranger:
        session = await client.upload(make_jpeg(1302, 900))
        await client.wait_complete(session.image_id)

        events, publics = await collect(client, session.image_id), await collect(stranger, session.image_id)

    assert len(events) == len(publics) == 1
    assert len(events[0]["changed"]) == len(events[0]["stableVariants"]) == 7
    assert publics[0]["revision"] == events[0]["revision"]


async def test_after_leaves_out_what_was_seen(wide_site: Site) -> None:
    async with wide_site.client() as client:
        content = make_jpeg(1304, 900)
        session = await client.open_session(len(content))
        task = await watch_from_now(client, session.image_id)
        await client.send(session, content)
        story = await task
        last = story[-1]

        current = await collect(client, session.image_id, after=last["revision"])
        older = await collect(client, session.image_id, after=story[-2]["revision"])
        oldest = await collect(client, session.image_id, after=0)
        unknown = await collect(client, session.image_id, after=last["revision"] + 1000)

    assert current == []
    assert [v for event in older for v in event["changed"]] == last["changed"]
    assert (len(oldest), len(oldest[0]["changed"])) == (1, 7)
    assert (len(unknown), len(unknown[0]["changed"])) == (1, 7)


async def test_a_watcher_that_reconnects_misses_nothing(wide_site: Site) -> None:
    async with wide_site.client() as client:
        content = make_jpeg(1306, 900)
        session = await client.open_session(len(content))
        seen: list[Json] = []
        revision: int | None = None
        sending = asyncio.create_task(client.send(session, content))
        async with asyncio.timeout(LIMIT_S):
            while not seen or not seen[-1]["complete"]:
                async with aclosing(client.watch(session.image_id, after=revision)) as events:  # type: ignore[type-var]  # a generator
                    seen.append(await anext(events))
                revision = seen[-1]["revision"]
        await sending

    check_story(seen)


async def test_strangers_see_no_draft_and_no_private_image(wide_site: Site) -> None:
    async with wide_site.client() as client, wide_site.stranger() as stranger:
        draft = await client.open_session(1000)
        private = await client.upload(make_jpeg(1308, 900), visibility="PRIVATE")
        ids = [draft.image_id, private.image_id, "00000000-0000-7000-8000-000000000000", "nonsense", ""]
        failures = []
        for image_id in ids:
            for token in (None, draft.token if image_id != draft.image_id else private.token):
                with pytest.raises(GraphQLFailure) as failure:
                    await collect(stranger, image_id, token=token)
                failures.append(failure.value)

    assert {failure.code for failure in failures} == {"NOT_FOUND"}
    assert len({failure.errors[0]["message"] for failure in failures}) == 1


async def test_what_is_made_private_ends_its_strangers_watching(wide_site: Site) -> None:
    async with wide_site.client() as client, wide_site.stranger(api=1) as stranger:
        content = make_jpeg(1310, 900)
        session = await client.upload(content)
        await client.wait_complete(session.image_id)
        # As if one more variant were on its way.
        async with open_rows(wide_site) as database, database.write() as db:
            await db.execute(update(images).values(state="processing").where(images.c.id == UUID(session.image_id)))
        task = await watch_from_now(stranger, session.image_id)

        await change_image(wide_site, session.image_id, visibility=Visibility.PRIVATE, updated_at=utc_now())

        with pytest.raises(GraphQLFailure) as failure:
            await in_time(task)
    assert failure.value.code == "NOT_FOUND"


@pytest.mark.parametrize("ending", ["expired", "cancelled", "refused"])
async def test_a_watch_that_can_never_complete_ends_with_the_reason(wide_site: Site, ending: str) -> None:
    async with wide_site.client() as client, wide_site.client(api=1) as elsewhere:
        session = await client.open_session(1000)
        task = await watch_from_now(elsewhere, session.image_id)
        following = asyncio.create_task(follow_session(elsewhere, session))

        await _end(wide_site, client, session, ending)

        with pytest.raises(GraphQLFailure) as failure:
            await in_time(task)
        states = [event["state"] for event in await following]
    expected = {
        "expired": ("UPLOAD_EXPIRED", "EXPIRED"),
        "cancelled": ("UPLOAD_EXPIRED", "CANCELLED"),
        "refused": ("INVALID_FILE_TYPE", "FAILED"),
    }
    assert (failure.value.code, states[-1]) == expected[ending]


async def test_a_session_tells_its_states_and_how_much_has_come(wide_site: Site) -> None:
    async with wide_site.client() as client, wide_site.client(api=1) as elsewhere:
        content = make_jpeg(1312, 900, noise=True)
        session = await client.open_session(len(content))
        begun = asyncio.Event()
        following = asyncio.create_task(follow_session(elsewhere, session, token=session.token, begun=begun))
        await begun.wait()

        await _send_slowly(elsewhere, session, content)
        events = await following

    states = [event["state"] for event in events]
    assert list(dict.fromkeys(states)) == ["OPEN", "RECEIVING", "COMPLETED"]
    received = [event["receivedBytes"] for event in events]
    assert received == sorted(received)
    assert (received[0], received[-1]) == (0, len(content))
    assert any(0 < count < len(content) for count in received)
    assert [event["image"]["complete"] for event in events][-1] is True


async def test_a_broken_try_starts_counting_again(wide_site: Site) -> None:
    async with wide_site.client() as client:
        content = make_jpeg(1314, 900, noise=True)
        session = await client.open_session(len(content))
        # One client watches all the time, so that the process remembers what it heard of the first try.
        following = asyncio.create_task(follow_session(client, session))
        async with open_wire(session.upload_url) as wire:
            await _send_half(client, session, content, wire)
            wire.break_off()
        await wait_session(client, session, "OPEN")

        async with open_wire(session.upload_url) as wire:
            headers = {"Authorization": f"Bearer {session.token}", "Content-Length": str(len(content))}
            await wire.send_head("PUT", target_of(session.upload_url), headers)
            await wire.send(content[:10])
            second_try = (await wait_session(client, session, "RECEIVING"))["receivedBytes"]
            await wire.send(content[10:])
            assert (await wire.read_answer()).status == 201
        events = await following

    assert second_try <= 10
    assert events[-1]["state"] == "COMPLETED"


async def _end(site: Site, client: Client, session: OpenSession, ending: str) -> None:
    if ending == "expired":
        await let_expire(site, session.id)
    elif ending == "cancelled":
        await client.ask("mutation ($id: ID!) { cancelUploadSession(id: $id) { session { id } } }", id=session.id)
    else:
        assert (await client.send(session, b"no picture" * 10)).status_code == 415


async def _send_slowly(client: Client, session: OpenSession, content: bytes) -> None:
    """In two halves, the second as soon as watchers were told of the first."""
    async with open_wire(session.upload_url) as wire:
        await _send_half(client, session, content, wire)
        await wire.send(content[len(content) // 2 :])
        assert (await wire.read_answer()).status == 201


async def _send_half(client: Client, session: OpenSession, content: bytes, wire: Wire) -> None:
    """Until watchers were told that some of it has come."""
    headers = {"Authorization": f"Bearer {session.token}", "Content-Length": str(len(content))}
    await wire.send_head("PUT", target_of(session.upload_url), headers)
    half, sent = len(content) // 2, 0
    told = asyncio.create_task(_wait_for_bytes(client, session))
    while sent < half:
        # The server tells of progress at most every 0.25 s, and only as bytes come: small pieces, however slow it is.
        piece = content[sent:half] if told.done() else content[sent : min(half, sent + half // 400 + 1)]
        await wire.send(piece)
        sent += len(piece)
        await asyncio.wait([told], timeout=0.05)
    await in_time(told)


async def _wait_for_bytes(client: Client, session: OpenSession) -> None:
    async with aclosing(subscribe(client, WATCH_SESSION, id=session.id)) as events:
        async for event in events:
            if event["uploadSession"]["receivedBytes"] > 0:
                return
