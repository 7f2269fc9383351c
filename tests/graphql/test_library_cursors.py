"""Pages of images over GraphQL: every order, both directions, and cursors that nobody gave out; on both set-ups."""

import base64
import json

import pytest

from tests.support.accounts_fixture import People
from tests.support.library_queries import LIST, field_refused, list_ids
from tests.support.pictures import Tags, make_jpeg


@pytest.mark.parametrize("field", ["CREATED_AT", "UPDATED_AT", "FILENAME", "BYTE_SIZE", "VIEWS", "TAKEN_AT"])
async def test_each_order_is_paged_by_its_cursors_and_by_no_others(people: People, field: str) -> None:
    async with people.client(await people.add()) as client:
        for index in range(3):
            image = await client.upload(
                make_jpeg(42 + index, 20, tags=Tags(camera=index == 1)), filename=f"{index}.jpg"
            )
            # A variant that becomes ready is a change: the order of changes stands still only afterwards.
            await client.wait_complete(image.image_id)
        order = {"field": field, "direction": "ASC"}
        whole = await list_ids(client, orderBy=order)

        first = (await client.ask(LIST, first=2, orderBy=order))["images"]
        cursor = first["pageInfo"]["endCursor"]
        second = (await client.ask(LIST, first=2, after=cursor, orderBy=order))["images"]
        back = (await client.ask(LIST, last=2, before=second["pageInfo"]["startCursor"], orderBy=order))["images"]
        reverse = await list_ids(client, orderBy={**order, "direction": "DESC"})
        other = {"field": field, "direction": "DESC"}
        refused = [
            await field_refused(client, LIST, after=cursor, orderBy=other),
            await field_refused(
                client, LIST, before=cursor, orderBy={"field": "FILENAME" if field != "FILENAME" else "VIEWS"}
            ),
        ]

    assert [edge["node"]["id"] for edge in first["edges"] + second["edges"]] == whole
    assert [node["id"] for node in back["nodes"]] == whole[:2]
    assert (first["totalCount"], first["edges"][-1]["cursor"]) == (3, cursor)
    flags = [(page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]) for page in (first, second, back)]
    assert flags == [(False, True), (True, False), (False, True)]
    # The undated come last in either direction.
    assert reverse == ([whole[0], *reversed(whole[1:])] if field == "TAKEN_AT" else list(reversed(whole)))
    assert refused == [("INVALID_REQUEST", "after"), ("INVALID_REQUEST", "before")]


def forged(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


ID = "0" * 32
FORGED = [
    "",
    "x",
    "é",
    "A" * 5000,
    forged(),
    forged("created_at:desc"),
    forged("created_at:desc", None, ID),
    forged("created_at:desc", "0", ID),
    forged("created_at:desc", True, ID),
    forged("created_at:desc", 1.5, ID),
    forged("created_at:desc", 2**70, ID),
    forged("created_at:desc", -(2**62), ID),
    forged("created_at:desc", 0, "z" * 32),
    forged("created_at:desc", 0, 5),
    forged("albums", 0, ID),
    forged({"a": 1}, [], {}),
]
FORGED_NAMES = [forged("filename:asc", name, ID) for name in ("a\0b", "\ud800", "x" * 2000, 5, None)]


async def test_forged_cursors_are_refused_and_never_a_fault(people: People) -> None:
    async with people.client(await people.add()) as client:
        refused = [await field_refused(client, LIST, after=cursor) for cursor in FORGED]
        order = {"field": "FILENAME", "direction": "ASC"}
        refused += [await field_refused(client, LIST, after=cursor, orderBy=order) for cursor in FORGED_NAMES]
        albums = await field_refused(client, "query ($a: String) { albums(after: $a) { nodes { id } } }", a=FORGED[6])

    assert set(refused) == {("INVALID_REQUEST", "after")}
    assert albums == ("INVALID_REQUEST", "after")


async def test_a_cursor_of_anothers_list_shows_the_callers_own_alone(people: People) -> None:
    async with people.client(await people.add()) as client, people.client(await people.add()) as stranger:
        mine = await client.upload(make_jpeg(46, 20))
        await stranger.upload(make_jpeg(47, 20))
        cursor = (await stranger.ask(LIST))["images"]["edges"][0]["cursor"]

        seen = await list_ids(client, after=cursor)

    assert seen == [mine.image_id]
