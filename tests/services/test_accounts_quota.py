"""Quota and plans: what is reserved is reserved once, by however many ask at once, and freed when it is over."""

import asyncio
from itertools import cycle

import pytest

from tests.support.accounts_fixture import People
from tests.support.client import Client, GraphQLFailure
from tests.support.graphql_client import wait_session
from tests.support.pictures import make_jpeg
from tests.support.site_rows import let_expire

STATS = "{ viewer { plan stats { images { count storageUsedBytes storageRemainingBytes } albums { count } } } }"
CANCEL = "mutation ($id: ID!) { cancelUploadSession(id: $id) { session { state } } }"


async def remaining(client: Client) -> int:
    stats = (await client.ask(STATS))["viewer"]["stats"]["images"]
    return int(stats["storageRemainingBytes"])


async def try_open(client: Client, file_bytes: int) -> str:
    try:
        return (await client.open_session(file_bytes)).id
    except GraphQLFailure as failure:
        return failure.code


async def test_of_32_at_once_over_two_processes_only_as_many_are_opened_as_there_is_room_for(people: People) -> None:
    person = await people.add("small")

    async with people.client(person, api=0) as first, people.client(person, api=1) as second:
        clients = cycle([first, second])
        answers = await asyncio.gather(*(try_open(next(clients), 100_000) for _ in range(32)))

        assert answers.count("QUOTA_EXCEEDED") == 22
        assert len({answer for answer in answers if answer != "QUOTA_EXCEEDED"}) == 10
        assert await remaining(first) == 0


async def test_of_32_at_once_only_as_many_images_are_begun_as_the_plan_has(people: People) -> None:
    person = await people.add("few")

    async with people.client(person, api=0) as first, people.client(person, api=1) as second:
        clients = cycle([first, second])
        answers = await asyncio.gather(*(try_open(next(clients), 1_000) for _ in range(32)))

    assert answers.count("QUOTA_EXCEEDED") == 29


async def test_refusal_says_what_is_left_and_what_was_needed(people: People) -> None:
    person = await people.add("small")

    async with people.client(person) as client:
        with pytest.raises(GraphQLFailure) as refusal:
            await client.open_session(1_000_001)

    details = refusal.value.errors[0]["extensions"]["details"]
    assert details == {"limit": "storageQuotaBytes", "remaining": 1_000_000, "needed": 1_000_001}


async def test_cancelling_frees_what_was_reserved(people: People) -> None:
    person = await people.add("small")

    async with people.client(person) as client:
        session = await client.open_session(600_000)
        assert await remaining(client) == 400_000
        await client.ask(CANCEL, id=session.id)

        assert await remaining(client) == 1_000_000


async def test_expiry_frees_what_was_reserved_before_any_sweep(people: People) -> None:
    person = await people.add("small")

    async with people.client(person) as client:
        session = await client.open_session(600_000)
        await let_expire(people.site, session.id)

        assert await remaining(client) == 1_000_000
        await client.open_session(1_000_000)


async def test_refused_bytes_free_what_was_reserved(people: People) -> None:
    person = await people.add("small")

    async with people.client(person) as client:
        session = await client.open_session(600_000)
        refused = await client.send(session, b"no picture at all" * 10)

        assert refused.status_code == 415
        await wait_session(client, session, "FAILED")
        assert await remaining(client) == 1_000_000


async def test_duplicate_frees_what_was_reserved_and_counts_once(people: People) -> None:
    person = await people.add("small")
    picture = make_jpeg(311, 200)

    async with people.client(person) as client:
        await client.upload(picture)
        after_first = await remaining(client)
        session = await client.open_session(400_000)
        await client.send(session, picture)

        assert after_first == 1_000_000 - len(picture)
        assert await remaining(client) == after_first


async def test_plan_that_takes_one_at_a_time_refuses_the_second(people: People) -> None:
    person = await people.add("single")

    async with people.client(person) as client:
        await client.open_session(1_000)

        assert await try_open(client, 1_000) == "CONFLICT"


async def test_plan_without_uploads_takes_none(people: People) -> None:
    person = await people.add("closed")

    async with people.client(person) as client:
        assert await try_open(client, 1_000) == "FORBIDDEN"


async def test_unknown_plan_of_a_row_is_the_free_one(people: People) -> None:
    person = await people.add("lost-plan")

    async with people.client(person) as client:
        viewer = (await client.ask("{ viewer { plan limits { maxImages } } }"))["viewer"]

    assert viewer == {"plan": "lost-plan", "limits": {"maxImages": 100_000}}
