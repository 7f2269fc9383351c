"""Slink's lists: by page and by cursor, searched and ordered, by ids, and the history."""

from datetime import UTC, datetime

import pytest

from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.pictures import make_jpeg
from tests.support.slink_api import Json, read, upload, violations_of

OLDEST_FIRST = "orderBy=attributes.createdAt&order=asc"


async def fill(client: Client, count: int) -> list[str]:
    """New images, the oldest first."""
    return [await upload(client, make_jpeg(200 + number, 60)) for number in range(count)]


def ids_of(document: Json) -> list[str]:
    return [item["id"] for item in document["data"]]


async def test_an_item_has_slinks_nested_shape(people: People) -> None:
    """SL-18, SL-23, SL-24, SL-25."""
    person, picture = await people.add(email="a@example.org"), make_jpeg(110, 70)
    async with people.client(person) as client:
        image_id = await upload(client, picture)
        await client.http.patch(f"/api/image/{image_id}", json={"description": "A pier"})
        document = await read(client, "/api/images/1")

    (item,) = document["data"]
    created = item["attributes"].pop("createdAt")
    day = datetime.fromtimestamp(created["timestamp"], UTC)
    assert document["meta"] == {"size": 10, "page": 1, "total": 1, "nextCursor": None, "prevCursor": None}
    assert created["formattedDate"] == f"{day:%b} {day.day}, {day:%Y}"
    assert item == {
        "id": image_id,
        "owner": {"id": str(person.id), "email": "a@example.org", "displayName": person.username},
        "attributes": {"fileName": f"{image_id}.jpg", "description": "A pier", "isPublic": True, "views": 0},
        "metadata": {"size": len(picture), "mimeType": "image/jpeg", "width": 110, "height": 70},
    }


async def test_pages_by_number_and_by_cursor_show_the_same(people: People) -> None:
    """SL-18, SL-19, SL-22, SL-23, K9."""
    async with people.client(await people.add()) as client:
        ids = await fill(client, 5)
        numbered = [await read(client, f"/api/images/{page}?limit=2&{OLDEST_FIRST}") for page in (1, 2, 3, 4)]
        forwards = [numbered[0]]
        while forwards[-1]["meta"]["nextCursor"]:
            cursor = forwards[-1]["meta"]["nextCursor"]
            forwards.append(await read(client, f"/api/images/2?limit=2&{OLDEST_FIRST}&cursor={cursor}"))
        backwards = [forwards[-1]]
        while backwards[-1]["meta"]["prevCursor"]:
            cursor = backwards[-1]["meta"]["prevCursor"]
            backwards.append(await read(client, f"/api/images/1?limit=2&{OLDEST_FIRST}&cursor={cursor}"))

    parts = [ids[:2], ids[2:4], ids[4:]]
    assert [ids_of(document) for document in numbered] == [*parts, []]
    assert [ids_of(document) for document in forwards] == parts
    assert [ids_of(document) for document in backwards] == parts[::-1]
    assert {document["meta"]["total"] for document in numbered} == {5}


async def test_a_list_is_ordered_by_the_last_change_unless_asked_otherwise(people: People) -> None:
    """SL-20."""
    async with people.client(await people.add()) as client:
        first, second, third = await fill(client, 3)
        for image_id in (first, second, third):
            await client.wait_complete(image_id)  # what is made of an image changes it, too
        await client.http.patch(f"/api/image/{first}", json={"description": "changed last"})
        by_default = ids_of(await read(client, "/api/images/1"))
        by_size = ids_of(await read(client, "/api/images/1?orderBy=metadata.size&order=asc"))
        by_birth = ids_of(await read(client, "/api/images/1?orderBy=attributes.createdAt"))

    assert by_default[0] == first
    assert set(by_size) == {first, second, third}
    assert by_birth == [third, second, first]


async def test_a_search_looks_at_words_at_hashtags_or_at_the_owner(people: People) -> None:
    """SL-21."""
    person = await people.add()
    async with people.client(person) as client:
        pier, boat = await fill(client, 2)
        await client.http.patch(f"/api/image/{pier}", json={"description": "A pier at #Sunset"})
        await client.http.patch(f"/api/image/{boat}", json={"description": "A boat"})
        queries = (
            "searchTerm=boa&searchBy=description",
            "searchTerm=PIER",
            "searchTerm=%23sunset&searchBy=hashtag",
            f"searchTerm={person.username}&searchBy=user",
            "searchTerm=somebody-else&searchBy=user",
            "searchTerm=%20",
        )
        found = [set(ids_of(await read(client, f"/api/images/1?{query}"))) for query in queries]

    assert found == [{boat}, {pier}, {pier}, {pier, boat}, set(), {pier, boat}]


async def test_a_page_has_at_most_a_hundred(people: People) -> None:
    """SL-19: the document names no most."""
    async with people.client(await people.add()) as client:
        document = await read(client, "/api/images/1?limit=5000")

    assert document["meta"]["size"] == 100


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/api/images/0", "page"),
        ("/api/images/-1", "page"),
        ("/api/images/one", "page"),
        ("/api/images/99999999999999999999", "page"),
        ("/api/images/2000000", "page"),
        ("/api/images/history/0", "page"),
        ("/api/images/1?limit=0", "limit"),
        ("/api/images/1?limit=ten", "limit"),
        ("/api/images/1?limit=%D9%A3", "limit"),
        ("/api/images/1?orderBy=secret", "orderBy"),
        ("/api/images/1?order=up", "order"),
        ("/api/images/1?searchBy=password&searchTerm=x", "searchBy"),
        ("/api/images/1?searchTerm=%00", "searchTerm"),
        (f"/api/images/1?searchTerm={'x' * 1_001}", "searchTerm"),
        ("/api/images/1?cursor=nonsense", "cursor"),
        ("/api/images/1?cursor=prev.", "cursor"),
        ("/api/images?" + "&".join(f"uuid[]={number}" for number in range(101)), "uuid"),
    ],
)
async def test_what_a_list_cannot_be_asked_for_is_a_violation(people: People, path: str, named: str) -> None:
    """SL-18, SL-19, SL-20, SL-21, SL-22, SL-30."""
    async with people.client(await people.add()) as client:
        answer = await client.http.get(path)

    assert answer.status_code == 422, answer.text
    assert [violation["property"] for violation in violations_of(answer)] == [named]


async def test_a_cursor_of_another_order_is_refused(people: People) -> None:
    """SL-22."""
    async with people.client(await people.add()) as client:
        await fill(client, 2)
        cursor = (await read(client, "/api/images/1?limit=1"))["meta"]["nextCursor"]
        answer = await client.http.get(f"/api/images/1?orderBy=attributes.views&cursor={cursor}")

    assert (answer.status_code, violations_of(answer)[0]["property"]) == (422, "cursor")


async def test_the_history_has_twelve_of_the_callers_own_the_newest_first(people: People) -> None:
    """SL-25, SL-27."""
    person = await people.add()
    async with people.client(person) as client:
        ids = await fill(client, 14)
        await client.http.patch(f"/api/image/{ids[-1]}", json={"isPublic": False})
        first, second = await read(client, "/api/images/history/1"), await read(client, "/api/images/history/2")

    newest = first["data"][0]
    created = newest["attributes"]["createdAt"]
    assert ids_of(first) + ids_of(second) == ids[::-1]
    assert [document["meta"] for document in (first, second)] == [
        {"size": 12, "page": page, "total": 14} for page in (1, 2)
    ]
    assert newest["attributes"]["isPublic"] is False
    assert newest["owner"]["username"] == person.username
    assert created["formattedDate"] == f"{datetime.fromtimestamp(created['timestamp'], UTC):%Y-%m-%d %H:%M:%S}"


async def test_images_by_their_ids_come_in_the_order_asked_for(people: People) -> None:
    """SL-26."""
    async with people.client(await people.add()) as client:
        one, two = await fill(client, 2)
        answer = await client.http.get(f"/api/images?uuid[]={two}&uuid[]=none&uuid[]={one}&uuid[]={two}")
        nothing = await client.http.get("/api/images")

    assert [item["id"] for item in answer.json()] == [two, one]
    assert nothing.json() == []


async def test_nobody_learns_of_others_what_is_not_theirs_to_see(people: People) -> None:
    """SL-24, SL-26: lists hold the caller's own, and an e-mail address is told to its owner alone."""
    owner = await people.add(email="owner@example.org")
    async with people.client(owner) as client, people.client(await people.add()) as other:
        shown, hidden = await fill(client, 2)
        await client.http.patch(f"/api/image/{hidden}", json={"isPublic": False})
        by_ids = await other.http.get(f"/api/images?uuid[]={hidden}&uuid[]={shown}")
        listed = [await read(other, path) for path in ("/api/images/1", "/api/images/history/1")]

    (item,) = by_ids.json()
    assert item["id"] == shown
    assert item["owner"] == {"id": str(owner.id), "email": None, "displayName": owner.username}
    assert [document["data"] for document in listed] == [[], []]
