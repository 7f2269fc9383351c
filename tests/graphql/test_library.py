"""The library over GraphQL: albums, tags, changes, lists and cursors, as clients use them, on both set-ups."""

from typing import Any

from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.library_queries import LIST, UPDATE, field_refused, list_ids
from tests.support.pictures import make_jpeg, make_png

Json = dict[str, Any]  # Any: what a server answered, looked into key by key

CREATE_ALBUM = "mutation ($input: CreateAlbumInput!) { createAlbum(input: $input) { album { id slug title } } }"
UPDATE_ALBUM = """mutation ($input: UpdateAlbumInput!) {
  updateAlbum(input: $input) { album { slug title description cover { id } } }
}"""
DELETE_ALBUM = "mutation ($id: ID!, $mode: AlbumDeletion!) { deleteAlbum(id: $id, mode: $mode) { deletedId images } }"
ALBUM = """query ($id: ID, $slug: String) { album(id: $id, slug: $slug) {
  id slug title description imageCount byteSize cover { id } owner { name } images { totalCount nodes { id } }
} }"""
UPDATE_MANY = """mutation ($input: UpdateImagesInput!) {
  updateImages(input: $input) { images { id tags album { slug } } failed { id code } }
}"""
SESSION = """mutation ($input: CreateUploadSessionInput!) {
  createUploadSession(input: $input) { session { id album { slug } image { id filename tags album { slug } cdnUrl } } }
}"""
UNKNOWN = "01890000-0000-7000-8000-000000000000"


async def new_album(client: Client, slug: str) -> str:
    return str((await client.ask(CREATE_ALBUM, input={"slug": slug, "title": slug}))["createAlbum"]["album"]["id"])


async def test_a_session_places_and_tags_its_image_from_the_draft_on(people: People) -> None:
    person = await people.add()
    async with people.client(person) as client:
        album_id = await new_album(client, "trip")
        wishes = {"fileSize": 1000, "filename": "beach.jpg", "tags": ["sea", "sun"]}

        by_id = (await client.ask(SESSION, input={**wishes, "albumId": album_id}))["createUploadSession"]["session"]
        by_slug = (await client.ask(SESSION, input={**wishes, "albumSlug": "trip"}))["createUploadSession"]["session"]
        outside = (await client.ask(SESSION, input=wishes))["createUploadSession"]["session"]

    place = {"slug": "trip"}
    assert (by_id["album"], by_id["image"]["album"], by_id["image"]["tags"]) == (place, place, ["sea", "sun"])
    assert [session["image"]["filename"] for session in (by_id, by_slug, outside)] == [
        "beach.jpg",
        "beach-2.jpg",
        "beach.jpg",
    ]
    assert by_slug["image"]["cdnUrl"].endswith(f"/{person.username}/trip/beach-2.jpg")
    assert outside["image"]["cdnUrl"].endswith(f"/{person.username}/_/beach.jpg")


async def test_an_unknown_and_a_foreign_album_are_refused_alike(people: People) -> None:
    mine, theirs = await people.add(), await people.add()
    async with people.client(mine) as client, people.client(theirs) as stranger:
        foreign = await new_album(stranger, "theirs")
        image = await client.upload(make_jpeg(30, 20))
        places: list[Json] = [{"albumId": foreign}, {"albumId": UNKNOWN}, {"albumId": "x"}, {"albumSlug": "theirs"}]

        refused = []
        for place in places:
            refused += [
                await field_refused(client, SESSION, input={"fileSize": 10, **place}),
                await field_refused(client, UPDATE, input={"id": image.image_id, **place}),
            ]

    assert refused == [("NOT_FOUND", "albumId")] * 6 + [("NOT_FOUND", "albumSlug")] * 2


async def test_an_album_lives_from_its_making_to_its_end(people: People) -> None:
    person = await people.add()
    async with people.client(person) as client, people.client(await people.add()) as stranger:
        album_id = await new_album(client, "trip")
        content = make_jpeg(32, 20)
        image = await client.upload(content, albumId=album_id, filename="a.jpg")

        by_id, by_slug = await client.ask(ALBUM, id=album_id), await client.ask(ALBUM, slug="trip")
        node = await client.ask("query ($id: ID!) { node(id: $id) { __typename id } }", id=album_id)
        changed = await client.ask(
            UPDATE_ALBUM, input={"id": album_id, "slug": "journey", "description": "D", "coverId": image.image_id}
        )
        cleared = await client.ask(UPDATE_ALBUM, input={"id": album_id, "description": None, "coverId": None})
        listed = (await client.ask("{ albums { totalCount nodes { slug imageCount byteSize } } }"))["albums"]
        foreign = await stranger.ask(ALBUM, id=album_id)
        seen = await stranger.ask("query ($id: ID!) { image(id: $id) { album { slug } } }", id=image.image_id)
        deleted = await client.ask(DELETE_ALBUM, id=album_id, mode="DELETE_IMAGES")
        gone = await client.ask(ALBUM, id=album_id)
        thrown = await list_ids(client, filter={"onlyDeleted": True})

    assert by_id == by_slug
    assert by_id["album"] == {
        **{"id": album_id, "slug": "trip", "title": "trip", "description": None},
        **{"imageCount": 1, "byteSize": len(content), "cover": {"id": image.image_id}},
        **{"owner": {"name": person.username}, "images": {"totalCount": 1, "nodes": [{"id": image.image_id}]}},
    }
    assert node["node"] == {"__typename": "Album", "id": album_id}
    assert changed["updateAlbum"]["album"] == {
        **{"slug": "journey", "title": "trip", "description": "D", "cover": {"id": image.image_id}}
    }
    assert cleared["updateAlbum"]["album"]["description"] is None
    assert listed == {
        "totalCount": 1,
        "nodes": [{"slug": "journey", "imageCount": 1, "byteSize": len(content)}],
    }
    assert (foreign["album"], seen["image"]["album"]) == (None, None)
    assert deleted["deleteAlbum"] == {"deletedId": album_id, "images": 1}
    assert (gone["album"], thrown) == (None, [image.image_id])


async def test_an_update_changes_what_is_given_and_clears_what_is_null(people: People) -> None:
    async with people.client(await people.add()) as client:
        await new_album(client, "trip")
        image = await client.upload(make_jpeg(34, 20), filename="a.jpg", title="T", tags=["x"], metadata={"k": 1})

        given: Json = {"filename": "b.jpg", "albumSlug": "trip", "alt": "A", "isNsfw": True, "visibility": "PRIVATE"}
        given |= {"focalPoint": {"x": 0.25, "y": 1}}
        changed = (await client.ask(UPDATE, input={"id": image.image_id, **given}))["updateImage"]["image"]
        nulls = dict.fromkeys(["title", "alt", "tags", "metadata", "albumId", "focalPoint"])
        cleared = (await client.ask(UPDATE, input={"id": image.image_id, **nulls}))["updateImage"]["image"]

    kept = {"id": image.image_id, "description": None, "creator": None}
    assert changed == {
        **kept,
        **{"filename": "b.jpg", "album": {"slug": "trip"}, "alt": "A", "isNsfw": True, "visibility": "PRIVATE"},
        **{"title": "T", "tags": ["x"], "metadata": {"k": 1}, "focalPoint": {"x": 0.25, "y": 1.0}},
    }
    assert cleared == {**changed, "title": None, "alt": None, "tags": [], "metadata": {}, "album": None} | {
        "focalPoint": None
    }


async def test_many_images_are_changed_at_once(people: People) -> None:
    async with people.client(await people.add()) as client:
        album_id = await new_album(client, "trip")
        images = [await client.upload(make_jpeg(36 + index, 20), tags=["old"]) for index in range(2)]
        ids = [image.image_id for image in images]

        answer = await client.ask(
            UPDATE_MANY,
            input={"ids": [*ids, UNKNOWN, "x"], "albumId": album_id, "addTags": ["new"], "removeTags": ["old"]},
        )
        out = await client.ask(UPDATE_MANY, input={"ids": ids, "albumId": None})
        tags = (await client.ask('{ tags(prefix: "n") { tag count } }'))["tags"]

    place = {"slug": "trip"}
    assert answer["updateImages"] == {
        "images": [{"id": key, "tags": ["new"], "album": place} for key in ids],
        "failed": [{"id": UNKNOWN, "code": "NOT_FOUND"}, {"id": "x", "code": "NOT_FOUND"}],
    }
    assert [image["album"] for image in out["updateImages"]["images"]] == [None, None]
    assert tags == [{"tag": "new", "count": 2}]


async def test_filters_find_uploads_at_once(people: People) -> None:
    async with people.client(await people.add()) as client:
        jpeg = await client.upload(make_jpeg(38, 20), filename="Strand-am-Meer.jpg", tags=["sea"], creator="Ada")
        png = await client.upload(make_png(39, 20), title="Café", visibility="PRIVATE", isNsfw=True)
        jpeg_id, png_id = jpeg.image_id, png.image_id
        filters: list[tuple[Json, list[str]]] = [
            ({}, [png_id, jpeg_id]),
            ({"search": "meer strand"}, [jpeg_id]),
            ({"search": "CAFE"}, [png_id]),
            ({"search": "sea"}, [jpeg_id]),
            ({"search": "nothing"}, []),
            ({"search": " "}, [png_id, jpeg_id]),
            ({"tags": ["sea"]}, [jpeg_id]),
            ({"tags": []}, [png_id, jpeg_id]),
            ({"anyTags": ["sea", "sun"]}, [jpeg_id]),
            ({"creator": "Ada"}, [jpeg_id]),
            ({"visibility": "PRIVATE"}, [png_id]),
            ({"isNsfw": False}, [jpeg_id]),
            ({"contentTypes": ["image/png"]}, [png_id]),
            ({"contentTypes": ["image/x"]}, []),
            ({"states": ["AWAITING_UPLOAD"]}, []),
            ({"noAlbum": True}, [png_id, jpeg_id]),
            ({"noAlbum": False}, [png_id, jpeg_id]),
            ({"albumSlug": "nowhere"}, []),
            ({"albumSlug": "No Slug!"}, []),
            ({"albumId": UNKNOWN}, []),
            ({"albumId": "x"}, []),
            ({"createdAfter": "2000-01-01T00:00:00Z"}, [png_id, jpeg_id]),
            ({"createdBefore": "2000-01-01T00:00:00Z"}, []),
            ({"onlyDeleted": True}, []),
            ({"includeDeleted": True}, [png_id, jpeg_id]),
        ]

        found = [(wanted, await list_ids(client, filter=wanted)) for wanted, _ in filters]

    assert found == filters


async def test_bad_pages_and_inputs_name_their_field(people: People) -> None:
    async with people.client(await people.add()) as client:
        image_id = (await client.upload(make_jpeg(48, 20))).image_id
        await new_album(client, "trip")
        many = [UNKNOWN] * 101
        bad: list[tuple[str, Json, str]] = [
            (LIST, {"first": 0}, "first"),
            (LIST, {"first": 101}, "first"),
            (LIST, {"last": 0}, "last"),
            (LIST, {"first": 1, "last": 1}, "last"),
            (LIST, {"filter": {"search": "a\0b"}}, "search"),
            (LIST, {"filter": {"search": "x" * 1001}}, "search"),
            (LIST, {"filter": {"tags": [""]}}, "tags"),
            (LIST, {"filter": {"anyTags": ["x" * 65]}}, "anyTags"),
            (LIST, {"filter": {"creator": "\0"}}, "creator"),
            (CREATE_ALBUM, {"input": {"slug": "x" * 300, "title": "T"}}, "slug"),
            (CREATE_ALBUM, {"input": {"slug": "ok", "title": ""}}, "title"),
            (CREATE_ALBUM, {"input": {"slug": "ok", "title": "a\0"}}, "title"),
            (UPDATE, {"input": {"id": image_id, "filename": ""}}, "filename"),
            (UPDATE, {"input": {"id": image_id, "filename": None}}, "filename"),
            (UPDATE, {"input": {"id": image_id, "metadata": {"k": "x" * 1024}}}, "metadata"),
            (UPDATE, {"input": {"id": image_id, "metadata": {"k": "\0"}}}, "metadata"),
            (UPDATE, {"input": {"id": image_id, "focalPoint": {"x": -0.1, "y": 0}}}, "focalPoint"),
            (UPDATE, {"input": {"id": image_id, "albumSlug": "trip", "clearAlbum": True}}, "clearAlbum"),
            (UPDATE_MANY, {"input": {"ids": many}}, "ids"),
            (UPDATE_MANY, {"input": {"ids": [image_id], "addTags": [" "]}}, "addTags"),
            ("mutation ($ids: [ID!]!) { deleteImages(ids: $ids) { deletedIds } }", {"ids": many}, "ids"),
            ("mutation ($ids: [ID!]!) { restoreImages(ids: $ids) { images { id } } }", {"ids": many}, "ids"),
            ("query ($p: String) { tags(prefix: $p) { tag } }", {"p": "\0"}, "prefix"),
            ("{ album { id } }", {}, "id"),
            (ALBUM, {"id": UNKNOWN, "slug": "trip"}, "id"),
        ]

        refused = [(*await field_refused(client, query, **variables),) for query, variables, _ in bad]

    assert refused == [("INVALID_REQUEST", field) for _, _, field in bad]


async def test_names_that_cannot_be_name_nothing(people: People) -> None:
    queries = [
        'album(slug: "\\u0000")',
        'album(slug: "No Slug")',
        'album(id: "x")',
        'image(shortId: "\\u0000")',
        'image(customId: "\\u0000")',
    ]
    async with people.client(await people.add()) as client:
        answers = [await client.ask(f"{{ {query} {{ id }} }}") for query in queries]

    assert [list(answer.values()) for answer in answers] == [[None]] * len(queries)
