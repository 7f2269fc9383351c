"""One image of Slink's: its detail, its change, its end, and who may."""

import re

import pytest

from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.pictures import make_gif, make_jpeg, make_png, open_picture
from tests.support.residents import PASSWORD
from tests.support.slink_api import FLEXIBLE, READ_ONLY, jwt_of, read, upload, violations_of
from tests.support.waiting import eventually

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
NOWHERE = "01890000-0000-7000-8000-000000000000"


async def test_the_detail_has_slinks_flat_shape(people: People) -> None:
    """SL-15, SL-25, K12."""
    person = await people.add(password=PASSWORD)
    picture = make_png(90, 70)
    async with Client(people.site.api_urls[0], await jwt_of(people, person)) as client:
        image_id = await upload(client, picture)
        detail = await read(client, f"/api/image/{image_id}/detail")

    assert MOMENT.fullmatch(detail.pop("createdAt"))
    updated_at = detail.pop("updatedAt")
    assert updated_at is None or MOMENT.fullmatch(updated_at)
    assert detail == {
        "id": image_id,
        "fileName": f"{image_id}.png",
        "description": "",
        "isPublic": True,
        "views": 0,
        "size": len(picture),
        "mimeType": "image/png",
        "width": 90,
        "height": 70,
        "supportsResize": False,
        "url": f"/image/{image_id}.png",
    }


async def test_pictures_are_resized_where_their_owner_lets_them_be(people: People) -> None:
    """SL-08, SL-09, SL-10, SL-11, SL-12, SL-13, SL-16."""
    async with people.client(await people.add()) as client, people.client(None) as stranger:
        image_id = await upload(client, make_jpeg(300, 200))
        refused = await stranger.http.get(f"/image/{image_id}.jpg?w=120")
        await client.ask(FLEXIBLE)
        detail = await read(client, f"/api/image/{image_id}/detail")
        asked = ("jpg?w=120&h=120", "jpg?w=120&h=120&crop=true", "webp?w=60&crop=true", "png?h=40")
        answers = [await stranger.http.get(f"/image/{image_id}.{query}") for query in asked]

    assert refused.status_code == 404
    assert detail["supportsResize"] is True
    assert [answer.status_code for answer in answers] == [200] * 4, [answer.text[:200] for answer in answers]
    assert [open_picture(answer.content).size for answer in answers] == [(120, 80), (120, 120), (60, 60), (60, 40)]
    types = [answer.headers["content-type"] for answer in answers]
    assert types == ["image/jpeg", "image/jpeg", "image/webp", "image/png"]


async def test_a_private_picture_is_its_owners_alone(people: People) -> None:
    """SL-14, K10, K11: the document lets anyone in who knows the id; here `isPublic: false` means what it says."""
    async with people.client(await people.add()) as owner, people.client(await people.add()) as other:
        image_id = await upload(owner, make_jpeg(92, 70))
        changed = await owner.http.patch(f"/api/image/{image_id}", json={"isPublic": False})
        names = ("{}.jpg", "{}_thumbnail.jpg", "{}.jpg?w=50")
        paths = [f"/image/{image_id}.jpg", *(f"/api/image/{name.format(image_id)}" for name in names)]
        mine = [(await owner.http.get(path)).status_code for path in paths]
        theirs = [(await other.http.get(path)).status_code for path in paths]
        seen = (await other.http.get(f"/api/image/{image_id}/detail")).status_code

    assert changed.status_code == 204
    assert (mine, theirs, seen) == ([200] * 4, [404] * 4, 404)


async def test_a_change_keeps_what_it_does_not_name(people: People) -> None:
    """SL-28."""
    async with people.client(await people.add()) as client:
        image_id = await upload(client, make_jpeg(94, 70))
        first = await client.http.patch(f"/api/image/{image_id}", json={"description": "A pier", "isPublic": False})
        second = await client.http.patch(f"/api/image/{image_id}", json={"isPublic": True})
        nothing = await client.http.patch(f"/api/image/{image_id}", json={"somethingElse": 1})
        detail = await read(client, f"/api/image/{image_id}/detail")

    assert [answer.status_code for answer in (first, second, nothing)] == [204, 204, 204]
    assert first.content == b""
    assert (detail["description"], detail["isPublic"]) == ("A pier", True)
    assert detail["updatedAt"] > detail["createdAt"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"description": 5}', "description"),
        (b'{"isPublic": "yes"}', "isPublic"),
        (b'{"description": "' + b"x" * 5_001 + b'"}', "description"),
        (b'{"description": "\\u0000"}', "description"),
        (b"[]", "body"),
        (b"{", "body"),
        (b"", "body"),
    ],
)
async def test_a_change_that_cannot_be_is_a_violation_of_what_it_names(people: People, body: bytes, named: str) -> None:
    """SL-28, SL-30."""
    async with people.client(await people.add()) as client:
        image_id = await upload(client, make_jpeg(96, 70))
        answer = await client.http.patch(
            f"/api/image/{image_id}", content=body, headers={"Content-Type": "application/json"}
        )

    assert answer.status_code == 422
    assert [violation["property"] for violation in violations_of(answer)] == [named]


@pytest.mark.parametrize("body", [b'{"preserveOnDisk": false}', b""], ids=["said", "unsaid"])
async def test_a_deleted_image_is_gone_for_good(people: People, body: bytes) -> None:
    """SL-29, K5."""
    async with people.client(await people.add()) as client:
        image_id = await upload(client, make_jpeg(98, 70))
        answer = await client.http.request("DELETE", f"/api/image/{image_id}", content=body)
        after = [
            (await client.http.get(path)).status_code
            for path in (f"/api/image/{image_id}/detail", f"/image/{image_id}.jpg")
        ]
        kept = await client.ask("query ($id: ID!) { image(id: $id) { id } }", id=image_id)

    assert (answer.status_code, answer.content) == (204, b"")
    assert after == [404, 404]
    assert kept["image"] is None


async def test_a_file_that_is_preserved_can_be_restored(people: People) -> None:
    """SL-29, K5: `preserveOnDisk` keeps the file in the trash, for 30 days."""
    async with people.client(await people.add()) as client:
        image_id = await upload(client, make_jpeg(100, 70))
        answer = await client.http.request("DELETE", f"/api/image/{image_id}", json={"preserveOnDisk": True})
        hidden = (await client.http.get(f"/api/image/{image_id}/detail")).status_code
        await client.ask("mutation ($ids: [ID!]!) { restoreImages(ids: $ids) { images { id } } }", ids=[image_id])
        shown = (await client.http.get(f"/api/image/{image_id}/detail")).status_code

    assert (answer.status_code, hidden, shown) == (204, 404, 200)


async def test_foreign_and_absent_images_cannot_be_told_apart(people: People) -> None:
    """SL-15, SL-28, SL-29."""
    async with people.client(await people.add()) as owner, people.client(await people.add()) as other:
        image_id = await upload(owner, make_jpeg(102, 70))
        await owner.http.patch(f"/api/image/{image_id}", json={"isPublic": False})
        answers = [
            [
                await other.http.get(f"/api/image/{name}/detail"),
                await other.http.patch(f"/api/image/{name}", json={"description": "mine"}),
                await other.http.request("DELETE", f"/api/image/{name}", json={"preserveOnDisk": False}),
            ]
            for name in (image_id, NOWHERE, "no-id-at-all")
        ]
        still = (await owner.http.get(f"/api/image/{image_id}/detail")).status_code

    told = [[(answer.status_code, answer.json()) for answer in group] for group in answers]
    assert told[0] == told[1] == told[2]
    assert [status for status, _ in told[0]] == [404, 404, 404]
    assert [violations_of(answer) for answer in answers[0]] == [[], [], []]
    assert still == 200


async def test_a_credential_may_do_what_its_scopes_say(people: People) -> None:
    """SL-02, SL-28, SL-29."""
    person = await people.add()
    reader = await people.add_key(person, *READ_ONLY)
    async with people.client(person) as client, people.client(reader) as reading, people.client(None) as nobody:
        image_id = await upload(client, make_jpeg(104, 70))
        path = f"/api/image/{image_id}"
        allowed = (await reading.http.get(f"{path}/detail")).status_code
        refused = [await reading.http.patch(path, json={}), await reading.http.delete(path)]
        unknown = [
            await nobody.http.get(f"{path}/detail"),
            await nobody.http.patch(path, json={}),
            await nobody.http.delete(path),
            await nobody.http.get("/api/images/1"),
        ]

    assert allowed == 200
    assert [answer.status_code for answer in refused] == [403, 403]
    assert [answer.status_code for answer in unknown] == [401] * 4
    assert all(violations_of(answer) == [] for answer in [*refused, *unknown])


async def test_unknown_addresses_and_methods_are_told_in_slinks_shape(people: People) -> None:
    """SL-30."""
    async with people.client(await people.add()) as client:
        missing = await client.http.get("/api/nothing/here")
        refused = await client.http.get("/api/upload")

    assert (missing.status_code, violations_of(missing)) == (404, [])
    assert (refused.status_code, violations_of(refused)) == (405, [])
    assert set(refused.headers["allow"].split(", ")) == {"POST", "PUT"}
    assert "symfony" not in (missing.text + refused.text).lower()


async def test_looks_of_others_at_a_picture_are_counted(people: People) -> None:
    """SL-17."""
    async with people.client(await people.add()) as client, people.client(None) as stranger:
        image_id = await upload(client, make_gif(64, 50))
        # The owner's look comes first: were it counted, it would be when the others' are.
        for visitor in (client, stranger, stranger):
            assert (await visitor.http.get(f"/api/image/{image_id}.gif")).status_code == 200
        views: list[int] = []

        async def are_noted() -> bool:
            views.append((await read(client, f"/api/image/{image_id}/detail"))["views"])
            return views[-1] >= 2

        await eventually(are_noted)

    assert views[-1] == 2
