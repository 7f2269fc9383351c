"""/albums/{id}.zip: the uploads as they came, for the owner or whoever was signed for, whole or visibly broken off."""

import io
import time
import zipfile
from uuid import UUID

import httpx
import pytest
from sqlalchemy import update

from app.db.tables import images
from app.domain.access import Scope
from app.domain.signatures import sign
from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.gallery import ALBUM, VIEWER, show
from tests.support.http_client import open_http
from tests.support.pictures import make_jpeg
from tests.support.raw_http import open_wire
from tests.support.residents import Person
from tests.support.site import Site
from tests.support.site_logs import uploads_left
from tests.support.site_rows import open_rows, read_image

DELETE = "mutation ($ids: [ID!]!) { deleteImages(ids: $ids) { __typename } }"
UNKNOWN = "018f3a9e-8a5b-7c21-9d0e-1f2a3b4c5d6e"


async def make_album(client: Client, slug: str) -> str:
    return str((await client.ask(ALBUM, slug=slug))["createAlbum"]["album"]["id"])


async def rename(site: Site, image_id: str, filename: str) -> None:
    """Behind the server's back: its own rules would not let such names come to be."""
    async with open_rows(site) as database, database.write() as db:
        await db.execute(update(images).where(images.c.id == UUID(image_id)).values(filename=filename))


async def get(people: People, path: str, person: Person | None = None, *, method: str = "GET") -> httpx.Response:
    headers = {"Authorization": f"Bearer {person.key}"} if person is not None else {}
    async with open_http(people.site.base_url) as client:
        return await client.request(method, path, headers=headers)


async def test_the_archive_has_every_upload_to_the_byte_under_names_that_are_safe(people: People) -> None:
    person = await people.add()
    contents = [make_jpeg(width, 90, noise=True) for width in (210, 211, 212, 900)]
    async with people.client(person) as client:
        album = await make_album(client, "trip")
        shown = [await show(client, content, filename="beach.jpg", albumSlug="trip") for content in contents]
        thrown = await show(client, make_jpeg(213, 90), filename="thrown.jpg", albumSlug="trip")
        await client.ask(DELETE, ids=[thrown.id])
        await client.open_session(1_000, filename="coming.jpg", albumSlug="trip")
    for image, name in zip(shown[1:], ("BEACH.jpg", "../../x.jpg", "CON.html"), strict=True):
        await rename(people.site, image.id, name)

    answer = await get(people, f"/albums/{album}.zip", person)
    head = await get(people, f"/albums/{album}.zip", person, method="HEAD")

    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-length"] == head.headers["content-length"] == str(len(answer.content))
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''trip.zip"
    assert answer.headers["cache-control"] == "private, no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        found = {line.filename: archive.read(line) for line in archive.infolist()}
        assert {line.compress_type for line in archive.infolist()} == {zipfile.ZIP_STORED}
    assert sorted(found) == [".._.._x.jpg", "BEACH.jpg", "_CON.html.jpg", "beach-2.jpg"]
    assert sorted(found.values()) == sorted(contents)


async def test_an_empty_album_is_an_empty_archive(people: People) -> None:
    person = await people.add()
    async with people.client(person) as client:
        album = await make_album(client, "empty")

    answer = await get(people, f"/albums/{album}.zip", person)

    assert zipfile.ZipFile(io.BytesIO(answer.content)).namelist() == []


async def test_it_is_its_owners_alone_or_opened_by_a_signature(people: People) -> None:
    person, stranger = await people.add(), await people.add()
    half = [await people.add_key(person, scope) for scope in (Scope.ALBUMS_READ, Scope.IMAGES_READ)]
    async with people.client(person) as client:
        album = await make_album(client, "mine")
        await show(client, make_jpeg(214, 90), filename="a.jpg", albumSlug="mine")
        key = (await client.ask(VIEWER))["signingKeys"][0]["value"]
    path, soon = f"/albums/{album}.zip", int(time.time()) + 3_600
    signed = sign(path, "", key=key, expires_at_s=soon)

    refused = [await get(people, path, who) for who in (None, stranger, *half)]
    absent = [await get(people, f"/albums/{name}", person) for name in (f"{UNKNOWN}.zip", album, "x.zip", "%2e%2e.zip")]
    opened = await get(people, signed)
    forged = [
        await get(people, signed[:-1] + ("0" if signed[-1] != "0" else "1")),
        await get(people, signed.replace(album, UNKNOWN)),
        await get(people, sign(path, "", key=key, expires_at_s=int(time.time()) - 1)),
    ]

    assert [answer.status_code for answer in (*refused, *absent)] == [404] * 8
    assert len({answer.json()["message"] for answer in (*refused, *absent)}) == 1
    assert zipfile.ZipFile(io.BytesIO(opened.content)).namelist() == ["a.jpg"]
    assert [answer.status_code for answer in forged] == [403] * 3
    assert {answer.headers["cache-control"] for answer in (*refused, *forged)} == {"no-store"}


async def test_a_member_that_is_gone_breaks_the_connection_and_is_never_left_out(people: People) -> None:
    person = await people.add()
    async with people.client(person) as client:
        album = await make_album(client, "broken")
        first = await show(client, make_jpeg(215, 90), filename="a.jpg", albumSlug="broken")
        second = await show(client, make_jpeg(216, 90), filename="b.jpg", albumSlug="broken")
    path = f"/albums/{album}.zip"
    row = await read_image(people.site, second.id)
    lost = str(row["upload_key"]).replace(str(row["upload_key"])[-4:], "0000")
    await set_key(people.site, second.id, lost)

    with pytest.raises(httpx.RemoteProtocolError):
        await get(people, path, person)
    await set_key(people.site, first.id, lost.replace(second.id, first.id))
    at_once = await get(people, path, person)

    assert (at_once.status_code, at_once.json()["code"]) == (503, "UNAVAILABLE")


async def test_who_leaves_in_the_middle_leaves_nothing_behind(people: People) -> None:
    person = await people.add()
    async with people.client(person) as client:
        album = await make_album(client, "left")
        for width in (1400, 1401):
            await show(client, make_jpeg(width, 900, noise=True, quality=98), filename="a.jpg", albumSlug="left")
    path = f"/albums/{album}.zip"

    for _ in range(5):
        async with open_wire(people.site.base_url) as wire:
            await wire.send_head("GET", path, {"X-API-Key": person.key})
            head = await wire.read_answer(has_body=False)
            wire.break_off()
            assert head.status == 200

    assert (await get(people, path, person)).status_code == 200
    assert uploads_left(people.site) == []


async def set_key(site: Site, image_id: str, key: str) -> None:
    async with open_rows(site) as database, database.write() as db:
        await db.execute(update(images).where(images.c.id == UUID(image_id)).values(upload_key=key))
