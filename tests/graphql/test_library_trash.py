"""Deleting, restoring and hiding images: what their addresses, watchers and stores make of it, on both set-ups."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.ids import ImageId
from app.storage.opening import open_store
from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.library_queries import UPDATE, list_ids
from tests.support.pictures import LATITUDE, LONGITUDE, Tags, make_jpeg
from tests.support.site_rows import change_image, read_image
from tests.support.waiting import eventually

Json = dict[str, Any]  # Any: what a server answered, looked into key by key

DELETE = """mutation ($ids: [ID!]!, $permanent: Boolean! = false) {
  deleteImages(ids: $ids, permanent: $permanent) { deletedIds failed { id code } }
}"""
RESTORE = """mutation ($ids: [ID!]!) { restoreImages(ids: $ids) {
  images { id filename state deletedAt purgeAt variants { family } } failed { id code }
} }"""
IMAGE = """query ($id: ID!) { image(id: $id) {
  id state complete deletedAt purgeAt revision variants { family } availableVariants stableVariants { ready }
} }"""
EXIF = """query ($id: ID!) { image(id: $id) { exif {
  make model lens takenAt exposureTime fNumber iso focalLength copyright artist location { latitude longitude }
} } }"""


async def addresses_of(people: People, image_url: str) -> list[str]:
    """A stable URL as each of the APIs serves it."""
    return [image_url.replace(people.site.base_url, url) for url in people.site.api_urls]


async def warm(client: Client, urls: list[str]) -> None:
    """Have every process keep the picture in memory."""
    for url in urls * 2:
        assert (await client.http.get(url)).status_code == 200


async def wait_for_status(client: Client, url: str, status: int) -> None:
    """Return once an address answers so."""

    async def is_so() -> bool:
        return (await client.http.get(url)).status_code == status

    await eventually(is_so, url)


async def objects_of(people: People, image_id: str) -> list[str]:
    """The keys of an image's objects."""
    default = (people.site.data_dir.absolute() / "objects").as_uri()
    store = open_store(people.site.environment.get("SAFELIGHT_STORE_URL", default))
    try:
        return [str(stat.key) async for stat in store.list_objects(ImageId(UUID(image_id)))]
    finally:
        await store.close()


async def test_what_is_in_the_trash_is_gone_for_viewers_at_once_and_comes_back(people: People) -> None:
    async with people.client(await people.add()) as client, people.site.stranger() as viewer:
        image = await client.upload(make_jpeg(60, 40))
        await client.wait_complete(image.image_id)
        here, elsewhere = await addresses_of(people, image.urls["WEBP", "small"])
        await warm(viewer, [here, elsewhere])
        before = (await client.ask(IMAGE, id=image.image_id))["image"]

        deleted = (await client.ask(DELETE, ids=[image.image_id]))["deleteImages"]
        status = (await viewer.http.get(here)).status_code
        await wait_for_status(viewer, elsewhere, 404)
        thrown = (await client.ask(IMAGE, id=image.image_id))["image"]
        hidden = (await viewer.ask(IMAGE, id=image.image_id))["image"]
        listed = await list_ids(client)
        restored = (await client.ask(RESTORE, ids=[image.image_id]))["restoreImages"]
        statuses = [(await viewer.http.get(url)).status_code for url in (here, elsewhere)]

    assert deleted == {"deletedIds": [image.image_id], "failed": []}
    assert (status, hidden, listed) == (404, None, [])
    assert (thrown["state"], thrown["complete"]) == (before["state"], True)
    assert (thrown["variants"], {each["ready"] for each in thrown["stableVariants"]}) == ([], {False})
    deleted_at, purge_at = (datetime.fromisoformat(thrown[name]) for name in ("deletedAt", "purgeAt"))
    assert purge_at - deleted_at == timedelta(days=30)
    assert thrown["revision"] > before["revision"]
    back = restored["images"][0]
    assert (back["state"], back["deletedAt"], back["purgeAt"]) == ("READY", None, None)
    assert back["variants"] == before["variants"]
    assert statuses == [200, 200]


async def test_what_becomes_private_is_closed_at_once_here_and_soon_elsewhere(people: People) -> None:
    async with people.client(await people.add()) as client, people.site.stranger() as viewer:
        image = await client.upload(make_jpeg(62, 40))
        await client.wait_complete(image.image_id)
        here, elsewhere = await addresses_of(people, image.urls["WEBP", "small"])
        await warm(viewer, [here, elsewhere])

        await client.ask(UPDATE, input={"id": image.image_id, "visibility": "PRIVATE"})
        status = (await viewer.http.get(here)).status_code
        await wait_for_status(viewer, elsewhere, 404)
        own = (await client.http.get(here)).status_code
        await client.ask(UPDATE, input={"id": image.image_id, "visibility": "PUBLIC"})
        again = (await viewer.http.get(here)).status_code

    assert (status, own, again) == (404, 200, 200)


async def test_what_is_deleted_for_good_leaves_no_row_and_no_file(people: People) -> None:
    async with people.client(await people.add()) as client:
        content = make_jpeg(64, 40)
        image = await client.upload(content)
        await client.wait_complete(image.image_id)
        duplicate = await client.upload(content)
        stored = await objects_of(people, image.image_id)

        answer = (await client.ask(DELETE, ids=[image.image_id, image.image_id.upper(), "x"], permanent=True))[
            "deleteImages"
        ]
        gone = [(await client.ask(IMAGE, id=key))["image"] for key in (image.image_id, duplicate.image_id)]
        session = (await client.ask("query ($id: ID!) { uploadSession(id: $id) { id } }", id=image.id))["uploadSession"]
        status = (await client.http.get(image.urls["WEBP", "small"])).status_code
        left = await objects_of(people, image.image_id)
        again = await client.upload(content)

    assert answer["deletedIds"] == [image.image_id, image.image_id.upper()]
    assert answer["failed"] == [{"id": "x", "code": "NOT_FOUND"}]
    assert (gone, session, status) == ([None, None], None, 404)
    assert stored
    assert left == []
    assert again.image_id not in {image.image_id, duplicate.image_id}


async def test_bytes_of_the_trash_can_be_uploaded_again_and_both_live_after_the_restore(people: People) -> None:
    async with people.client(await people.add()) as client:
        content = make_jpeg(66, 40)
        first = await client.upload(content)
        await client.ask(DELETE, ids=[first.image_id])

        second = await client.upload(content)
        await client.ask(RESTORE, ids=[first.image_id])
        listed = await list_ids(client)
        third = await client.open_session(len(content))
        answer = (await client.send(third, content)).json()

    assert set(listed) == {first.image_id, second.image_id}
    assert answer["id"] == second.image_id


async def test_what_was_being_made_when_it_was_deleted_is_made_after_the_restore(people: People) -> None:
    async with people.client(await people.add()) as client:
        image = await client.upload(make_jpeg(68, 40, noise=True))
        await client.ask(DELETE, ids=[image.image_id])

        await client.ask(RESTORE, ids=[image.image_id])
        last = await client.wait_complete(image.image_id)

    assert (last["complete"], last["failed"]) == (True, False)


async def test_the_sweep_empties_the_trash_after_30_days(people: People) -> None:
    async with people.client(await people.add()) as client:
        image = await client.upload(make_jpeg(70, 40))
        await client.wait_complete(image.image_id)
        await client.ask(DELETE, ids=[image.image_id])
        deleted_at = (await read_image(people.site, image.image_id))["deleted_at"]
        assert isinstance(deleted_at, datetime)

        await change_image(people.site, image.image_id, deleted_at=deleted_at - timedelta(days=30))

        async def is_gone() -> bool:
            return (await client.ask(IMAGE, id=image.image_id))["image"] is None

        async def has_no_object() -> bool:
            return await objects_of(people, image.image_id) == []

        await eventually(is_gone)
        # Files go after rows.
        await eventually(has_no_object)


async def test_exif_is_for_everyone_and_the_place_for_the_owner(people: People) -> None:
    async with people.client(await people.add()) as client, people.site.stranger() as viewer:
        image = await client.upload(make_jpeg(72, 40, tags=Tags(camera=True, gps=True)))
        plain = await client.upload(make_jpeg(74, 40))

        own, theirs = [(await each.ask(EXIF, id=image.image_id))["image"]["exif"] for each in (client, viewer)]
        none = (await client.ask(EXIF, id=plain.image_id))["image"]["exif"]

    assert own["location"] == {"latitude": LATITUDE, "longitude": LONGITUDE}
    assert theirs == {**own, "location": None}
    facts = {name: own[name] for name in ("takenAt", "exposureTime", "fNumber", "iso", "focalLength")}
    assert facts == {
        **{"takenAt": "2024-05-06T05:08:09Z", "exposureTime": "1/250", "fNumber": 2.8, "iso": 200, "focalLength": 35.0}
    }
    assert all(own[name] for name in ("make", "model", "lens", "copyright", "artist"))
    assert none is None
