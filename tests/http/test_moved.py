"""Pretty addresses after a rename, a move, a new slug or an album's end: 301, until the name is somebody else's."""

import httpx

from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.gallery import ALBUM, Gallery, Shown, show
from tests.support.http_client import open_http
from tests.support.pictures import make_jpeg
from tests.support.residents import Person

UPDATE = "mutation ($input: UpdateImageInput!) { updateImage(input: $input) { image { cdnUrl } } }"
MOVE = "mutation ($input: UpdateImagesInput!) { updateImages(input: $input) { images { cdnUrl } } }"
SLUG = "mutation ($id: ID!, $slug: String!) { updateAlbum(input: {id: $id, slug: $slug}) { album { slug } } }"
DELETE_ALBUM = "mutation ($id: ID!) { deleteAlbum(id: $id) { deletedId } }"
DELETE = "mutation ($ids: [ID!]!) { deleteImages(ids: $ids) { __typename } }"


def is_original(answer: httpx.Response, image: Shown) -> bool:
    return answer.headers["etag"].strip('"').startswith(image.versions["ORIGINAL", "original"])


class Walk:
    """One owner's pictures, looked at by anyone."""

    def __init__(self, people: People, person: Person, client: Client) -> None:
        self.people = people
        self.person = person
        self.client = client

    def path(self, place: str) -> str:
        return f"/cdn/{self.person.username}/{place}"

    async def get(self, place: str, **headers: str) -> httpx.Response:
        async with open_http(self.people.site.base_url) as client:
            return await client.get(self.path(place), headers=headers)

    async def leads_to(self, place: str) -> str | int:
        """Where a place leads, or its status where it leads nowhere else."""
        answer = await self.get(place)
        if answer.status_code != 301:
            return answer.status_code
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["access-control-allow-origin"] == "*"
        location = answer.headers["location"]
        return str(location.removeprefix(self.people.site.base_url + self.path("")))

    async def album(self, slug: str) -> str:
        return str((await self.client.ask(ALBUM, slug=slug))["createAlbum"]["album"]["id"])

    async def update(self, image_id: str, **change: object) -> None:
        await self.client.ask(UPDATE, input={"id": image_id, **change})


async def test_a_renamed_image_is_found_under_every_name_it_had(people: People) -> None:
    person = await people.add()
    async with people.client(person) as client:
        walk = Walk(people, person, client)
        image = await show(client, make_jpeg(200, 100), filename="a.jpg")
        assert await walk.leads_to("_/a.jpg") == 200
        for name in ("b.jpg", "c ü.jpg"):
            await walk.update(image.id, filename=name)

        found = {place: await walk.leads_to(place) for place in ("_/a.jpg", "_/a", "_/b.jpg", "_/c%20%C3%BC.jpg")}
        sized = await walk.leads_to("_/a.jpg/small?v=1&download=1")
        options = await walk.leads_to("_/a.jpg/w=40,f=auto")

    new = "_/c%20%C3%BC.jpg"
    assert found == {"_/a.jpg": new, "_/a": new, "_/b.jpg": new, new: 200}
    assert sized == f"{new}/small?v=1&download=1"
    assert options == f"{new}/w=40,f=auto"


async def test_a_moved_image_is_found_where_it_was(people: People) -> None:
    person = await people.add()
    async with people.client(person) as client:
        walk = Walk(people, person, client)
        first, second = await walk.album("first"), await walk.album("second")
        image = await show(client, make_jpeg(201, 100), filename="a.jpg")
        await walk.update(image.id, albumId=first)
        await client.ask(MOVE, input={"ids": [image.id], "albumId": second})

        found = [await walk.leads_to(place) for place in ("_/a.jpg", "first/a.jpg", "second/a.jpg")]
        await walk.update(image.id, clearAlbum=True)
        back = [await walk.leads_to(place) for place in ("_/a.jpg", "first/a.jpg", "second/a.jpg")]

    assert found == ["second/a.jpg", "second/a.jpg", 200]
    assert back == [200, "_/a.jpg", "_/a.jpg"]


async def test_another_image_that_has_the_name_now_wins_and_its_end_gives_it_back(people: People) -> None:
    person = await people.add()
    async with people.client(person) as client:
        walk = Walk(people, person, client)
        await walk.album("trip")
        old = await show(client, make_jpeg(202, 100), filename="a.jpg", albumSlug="trip")
        await walk.update(old.id, filename="old.jpg")
        before = await walk.leads_to("trip/a.jpg")
        new = await show(client, make_jpeg(203, 100), filename="a.jpg", albumSlug="trip")
        taken = await walk.get("trip/a.jpg")
        await client.ask(DELETE, ids=[new.id])
        after = await walk.leads_to("trip/a.jpg")

    assert (before, after) == ("trip/old.jpg", "trip/old.jpg")
    assert taken.status_code == 200
    assert is_original(taken, new)


async def test_an_album_of_another_slug_and_one_that_is_gone_lead_to_their_images(people: People) -> None:
    person = await people.add()
    async with people.client(person) as client:
        walk = Walk(people, person, client)
        trip = await walk.album("trip")
        image = await show(client, make_jpeg(204, 100), filename="a.jpg", albumSlug="trip")
        await client.ask(SLUG, id=trip, slug="journey")
        renamed = [await walk.leads_to(place) for place in ("trip/a.jpg", "journey/a.jpg", "trip/b.jpg")]
        await walk.update(image.id, filename="b.jpg")
        both = [await walk.leads_to(place) for place in ("trip/a.jpg", "journey/a", "trip/b.jpg")]
        await walk.album("trip")
        again = await walk.leads_to("trip/a.jpg")
        await client.ask(DELETE_ALBUM, id=trip)
        gone = [await walk.leads_to(place) for place in ("trip/a.jpg", "journey/b.jpg", "journey/a.jpg")]

    assert renamed == ["journey/a.jpg", 200, 404]
    assert both == ["journey/b.jpg", "journey/b.jpg", "journey/b.jpg"]
    assert again == "journey/b.jpg"
    assert gone == ["_/b.jpg"] * 3


async def test_nobody_learns_the_new_name_of_a_private_image(gallery: Gallery) -> None:
    async with gallery.people.client(gallery.owner) as client:
        walk = Walk(gallery.people, gallery.owner, client)
        image = await show(client, make_jpeg(205, 100), filename="plan.jpg", visibility="PRIVATE")
        signed = gallery.sign(walk.path("_/plan.jpg"))
        await walk.update(image.id, filename="takeover.jpg")

        stranger, absent = await walk.get("_/plan.jpg"), await walk.get("_/nobodys.jpg")
        owner = await walk.get("_/plan.jpg", Authorization=f"Bearer {gallery.owner.key}")
        opened = await gallery.get(signed)

    assert (stranger.status_code, absent.status_code) == (404, 404)
    assert stranger.json()["message"] == absent.json()["message"]
    assert (owner.status_code, owner.headers["location"].rpartition("/")[2]) == (301, "takeover.jpg")
    # It was signed so: another address would not be signed.
    assert opened.status_code == 200


async def test_of_several_outside_of_albums_the_last_that_one_may_see_is_shown(people: People) -> None:
    person = await people.add()
    async with people.client(person) as client:
        walk = Walk(people, person, client)
        await show(client, make_jpeg(206, 100), filename="same.jpg")
        second = await show(client, make_jpeg(207, 100), filename="same.jpg")
        hidden = await show(client, make_jpeg(208, 100), filename="same.jpg", visibility="PRIVATE")

        seen = await walk.get("_/same.jpg")
        own = await walk.get("_/same.jpg", **{"X-API-Key": person.key})

    assert is_original(seen, second)
    assert is_original(own, hidden)
