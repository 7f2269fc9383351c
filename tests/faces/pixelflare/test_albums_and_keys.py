"""PixelFlare's albums, tags and keys: ledger rows PF-37 to PF-46."""

import pytest

from app.domain.access import Scope
from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.pictures import make_png
from tests.support.pixelflare_api import Json, error_of, list_ids, read, upload
from tests.support.residents import Person

ALBUM = {"slug": "vacation-2025", "title": "Vacation 2025", "description": "Summer vacation photos"}
KEY = {"name": "My App", "scopes": ["images:read", "images:write"]}


async def test_an_album_is_made_read_and_changed_by_its_slug(client: Client) -> None:
    # PF-38, PF-39, PF-40
    made = await client.http.post("/v1/albums", json=ALBUM)

    album = made.json()
    assert made.status_code == 201
    assert album == {**ALBUM, "image_count": 0, "created_at": album["created_at"], "updated_at": album["updated_at"]}
    assert await read(client, "/v1/albums/vacation-2025") == album
    changed = await client.http.patch("/v1/albums/vacation-2025", json={"slug": "summer", "description": None})
    assert changed.status_code == 200
    assert [changed.json()[name] for name in ("slug", "title", "description")] == ["summer", "Vacation 2025", None]
    assert (await client.http.get("/v1/albums/vacation-2025")).status_code == 404


async def test_a_taken_slug_is_a_conflict_and_a_bad_one_is_refused(client: Client) -> None:
    # PF-38
    await client.http.post("/v1/albums", json=ALBUM)

    again = await client.http.post("/v1/albums", json=ALBUM)

    assert error_of(again) == (409, "CONFLICT", "slug")
    for bad in ({}, {"slug": None}, {"slug": "No Spaces"}, {"slug": ""}, {"slug": 7}, {"slug": "a" * 65}):
        assert error_of(await client.http.post("/v1/albums", json=bad)) == (400, "INVALID_REQUEST", "slug")
    assert error_of(await client.http.get("/v1/albums/No%20Spaces")) == (404, "NOT_FOUND", None)


async def test_albums_are_listed_newest_first_in_pages(client: Client) -> None:
    # PF-37
    for slug in ("one", "two", "three"):
        await client.http.post("/v1/albums", json={"slug": slug})
    await upload(client, make_png(60, 30), album="one")

    first = await read(client, "/v1/albums", limit=2)
    second = await read(client, "/v1/albums", limit=2, cursor=first["next_cursor"])

    assert [album["slug"] for album in first["data"]] == ["three", "two"]
    assert [(album["slug"], album["image_count"]) for album in second["data"]] == [("one", 1)]
    assert second["next_cursor"] is None


async def test_an_album_that_is_deleted_leaves_its_images(client: Client) -> None:
    # PF-41
    image = await upload(client, make_png(61, 30), album="gone")

    answer = await client.http.delete("/v1/albums/gone")

    assert (answer.status_code, answer.content) == (204, b"")
    assert await list_ids(client) == [image["id"]]
    assert (await read(client, f"/v1/images/{image['id']}"))["album"] is None
    assert error_of(await client.http.delete("/v1/albums/gone")) == (404, "NOT_FOUND", None)


async def test_tags_are_counted_and_listed_by_name(client: Client) -> None:
    # PF-42
    await upload(client, make_png(62, 30), tags=["vacation", "beach"])
    await upload(client, make_png(63, 30), tags=["vacation"])

    assert await read(client, "/v1/tags") == {"data": [{"tag": "beach", "count": 1}, {"tag": "vacation", "count": 2}]}


async def test_a_key_is_shown_once_and_works_until_it_is_revoked(people: People, client: Client) -> None:
    # PF-43, PF-44, PF-45, PF-46
    answer = await client.http.post("/v1/keys", json=KEY)

    made: Json = answer.json()
    assert answer.status_code == 201
    assert {name: made[name] for name in KEY} == KEY
    assert set(made) == {"id", "name", "key", "scopes", "created_at", "expires_at", "last_used_at"}
    assert (made["key"][:4], made["id"][:4]) == ("pxf_", "key_")
    listed = {key["id"]: key for key in (await read(client, "/v1/keys"))["data"]}
    assert len(listed) == 2
    assert "key" not in listed[made["id"]]
    async with Client(people.site.base_url, made["key"]) as app:
        assert await list_ids(app) == []
        assert error_of(await app.http.get("/v1/keys")) == (403, "FORBIDDEN", None)
        assert (await client.http.delete(f"/v1/keys/{made['id']}")).status_code == 204
        assert error_of(await app.http.get("/v1/images"))[:2] == (401, "UNAUTHORIZED")
    assert made["id"] not in [key["id"] for key in (await read(client, "/v1/keys"))["data"]]


async def test_a_key_may_expire_and_says_so(client: Client) -> None:
    # PF-44: tokens have an expiry too
    made = await client.http.post("/v1/keys", json={**KEY, "expires_at": "2040-01-01T01:00:00+01:00"})

    assert made.json()["expires_at"] == "2040-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": None}, "scopes"),
        ({"scopes": ["images:fly"]}, "scopes"),
        ({"scopes": "images:read"}, "scopes"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"expires_at": "2040-01-01"}, "expires_at"),
        ({"expires_at": "1999-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-23:59"}, "expires_at"),
    ],
    ids=str,
)
async def test_a_key_that_cannot_be_is_refused_by_field(client: Client, change: Json, field: str) -> None:
    # PF-44, PF-57
    assert error_of(await client.http.post("/v1/keys", json={**KEY, **change})) == (400, "INVALID_REQUEST", field)


async def test_a_key_gives_no_scope_that_it_lacks(people: People, person: Person) -> None:
    # PF-44, PF-59
    weaker = await people.add_key(person, Scope.KEYS_WRITE, Scope.IMAGES_READ)

    async with people.client(weaker) as client:
        answer = await client.http.post("/v1/keys", json=KEY)

    assert error_of(answer) == (403, "FORBIDDEN", None)


async def test_nobody_elses_album_or_key_is_there(people: People, client: Client) -> None:
    # PF-60
    await client.http.post("/v1/albums", json={"slug": "mine"})
    key_id = (await client.http.post("/v1/keys", json=KEY)).json()["id"]

    async with people.client(await people.add()) as stranger:
        answers = [
            await stranger.http.get("/v1/albums/mine"),
            await stranger.http.patch("/v1/albums/mine", json={"title": "Yours"}),
            await stranger.http.delete("/v1/albums/mine"),
            await stranger.http.delete(f"/v1/keys/{key_id}"),
            await stranger.http.delete("/v1/keys/key_abc123"),
        ]

    assert [error_of(answer) for answer in answers] == [(404, "NOT_FOUND", None)] * 5
