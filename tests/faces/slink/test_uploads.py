"""Slink's uploads: three doors, two verbs, one form; and how each says no."""

import pytest

from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.pictures import make_gif, make_jpeg, make_png
from tests.support.residents import PASSWORD
from tests.support.slink_api import READ_ONLY, jwt_of, send, slink_key_of, upload, violations_of

PLANS_LIMIT_BYTES = 1_000_000
ALLOWED = '"image/avif", "image/gif", "image/heic", "image/jpeg", "image/png", "image/webp"'


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_both_verbs_upload_with_a_token_of_a_sign_in(people: People, method: str) -> None:
    """SL-01, SL-02, SL-05, K1."""
    person = await people.add(password=PASSWORD)

    async with Client(people.site.api_urls[0], await jwt_of(people, person)) as client:
        answer = await send(client, make_jpeg(70, 50), method=method)

    assert answer.status_code == 201
    assert set(answer.json()) == {"id"}


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_key_that_begins_with_sk_uploads_from_outside_and_is_told_where(people: People, method: str) -> None:
    """SL-03, SL-07."""
    key = await slink_key_of(people, await people.add())
    assert key.startswith("sk_")
    assert len(key) == 3 + 64

    async with Client(people.site.api_urls[0], key) as client:
        answer = await send(client, make_png(72, 50), path="/api/external/upload", method=method)
        sent = answer.json()
        whole, small = await client.http.get(sent["url"]), await client.http.get(sent["thumbnailUrl"])

    assert answer.status_code == 201
    assert sent == {
        "id": sent["id"],
        "url": f"/api/image/{sent['id']}.png",
        "thumbnailUrl": f"/api/image/{sent['id']}_thumbnail.png",
    }
    assert (whole.status_code, whole.headers["content-type"]) == (200, "image/png")
    assert (small.status_code, small.headers["content-type"]) == (200, "image/png")


async def test_a_thumbnail_is_in_the_format_of_its_name_whatever_else_the_client_takes(people: People) -> None:
    """SL-07."""
    key = await slink_key_of(people, await people.add())

    async with Client(people.site.api_urls[0], key) as client:
        sent = (await send(client, make_jpeg(730, 510), path="/api/external/upload")).json()
        small = await client.http.get(sent["thumbnailUrl"], headers={"Accept": "image/avif,image/webp,*/*"})

    assert (small.status_code, small.headers["content-type"]) == (200, "image/jpeg")


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_guests_upload_without_any_credential(people: People, method: str) -> None:
    """SL-04, SL-06."""
    async with people.client(None) as nobody:
        nobody.http.headers["X-Forwarded-For"] = f"198.51.100.{len(method)}"
        answer = await send(nobody, make_jpeg(74, 50 + len(method)), path="/api/guest/upload", method=method)
        picture = await nobody.http.get(f"/image/{answer.json()['id']}.jpg")

    assert (answer.status_code, set(answer.json())) == (201, {"id"})
    assert picture.status_code == 200


async def test_what_is_for_accounts_lets_no_guest_in(people: People) -> None:
    """SL-02, SL-03."""
    async with people.client(None) as nobody:
        answers = [await send(nobody, make_jpeg(), path=path) for path in ("/api/upload", "/api/external/upload")]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert [violations_of(answer) for answer in answers] == [[], []]
    assert all("www-authenticate" in answer.headers for answer in answers)


async def test_a_key_that_may_only_read_uploads_nothing(people: People) -> None:
    """SL-03."""
    person = await people.add(scopes=READ_ONLY)

    async with people.client(person) as client:
        answer = await send(client, make_jpeg())

    assert (answer.status_code, violations_of(answer)) == (403, [])


async def test_the_same_file_again_is_the_same_image(people: People) -> None:
    """SL-05."""
    person, picture = await people.add(), make_jpeg(76, 50)

    async with people.client(person) as client:
        ids = {await upload(client, picture), await upload(client, picture, path="/api/external/upload")}

    assert len(ids) == 1


async def test_a_file_that_is_no_picture_is_a_violation_that_names_its_type(people: People) -> None:
    """SL-30, SL-32."""
    async with people.client(await people.add()) as client:
        answer = await send(client, b"%PDF-1.7\n" + bytes(1_000))

    assert answer.status_code == 422
    assert violations_of(answer) == [
        {
            "property": "image",
            "message": f'The mime type of the file is invalid ("application/pdf"). Allowed mime types are {ALLOWED}.',
        }
    ]


async def test_a_file_that_is_too_large_is_a_violation_and_no_413(people: People) -> None:
    """SL-31, SL-33, K6."""
    async with people.client(await people.add("small")) as client:
        answer = await send(client, make_gif(64, 48) + bytes(2_140_000))

    assert answer.status_code == 422
    assert violations_of(answer) == [
        {
            "property": "image",
            "message": "The file is too large (2.14 MB). Allowed maximum size is 1 MB.",
        }
    ]


async def test_a_file_that_did_not_come_takes_no_room(people: People) -> None:
    """SL-05: the plan `few` has room for three images."""
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    half = b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\n\xff\xd8\xff'

    async with people.client(await people.add("few")) as client:
        broken_off = [await client.http.post("/api/upload", content=half, headers=form) for _ in range(3)]
        refused = [await send(client, make_jpeg()[:400]) for _ in range(3)]
        taken = await send(client, make_jpeg(78, 50))

    assert [answer.status_code for answer in broken_off] == [422] * 3
    assert [answer.status_code for answer in refused] == [422] * 3
    assert [violations_of(answer)[0]["property"] for answer in refused] == ["image"] * 3
    assert taken.status_code == 201


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({"Content-Type": "image/jpeg"}, make_jpeg()),
        ({}, b""),
        ({"Content-Type": "multipart/form-data"}, b"--x--\r\n"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\nno form at all"),
        (
            {"Content-Type": "multipart/form-data; boundary=x"},
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
        ),
    ],
    ids=["raw", "nothing", "no boundary", "no form", "no file"],
)
async def test_what_is_no_form_with_a_file_is_a_violation(
    people: People, headers: dict[str, str], content: bytes
) -> None:
    """SL-05, SL-30."""
    async with people.client(await people.add()) as client:
        answer = await client.http.post("/api/upload", content=content, headers=headers)

    assert answer.status_code == 422, answer.text
    assert [violation["property"] for violation in violations_of(answer)] == ["image"]


async def test_more_uploads_than_the_plan_allows_wait_in_slinks_shape(people: People) -> None:
    """SL-05."""
    async with people.client(await people.add("daily")) as client:
        answers = [await send(client, make_jpeg(80 + number, 60)) for number in range(4)]

    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert violations_of(answers[-1]) == []
    assert int(answers[-1].headers["retry-after"]) > 0
