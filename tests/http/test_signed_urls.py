"""Signed addresses over HTTP: they open what is private for their time; what is forged is 403, there or not."""

import io
import time
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from app.db.engine import utc_now
from app.domain.access import Scope
from app.domain.signatures import sign
from tests.support.accounts_fixture import People
from tests.support.client import Client, GraphQLFailure
from tests.support.http_client import open_http
from tests.support.pictures import make_jpeg
from tests.support.residents import Person

SIGNED = """query ($id: ID!, $in: Int!) {
  image(id: $id) {
    signedUrl(family: WEBP, size: "small", expiresIn: $in) { url expiresAt }
    original: signedUrl { url }
    unplanned: signedUrl(family: PNG, size: "w2048") { url }
    stableVariants { url signedUrl { url expiresAt } }
  }
}"""
TRANSFORMED = "query ($id: ID!) { image(id: $id) { signedUrl(transform: {width: 5}) { url } } }"
KEYS = "{ signingKeys { name value createdAt } }"
PUT = "mutation ($name: String!) { putSigningKey(name: $name) { signingKeys { name value } } }"
DELETE = "mutation ($name: String!) { deleteSigningKey(name: $name) { signingKeys { name value } } }"
UNKNOWN = "/f/018f3a9e-8a5b-7c21-9d0e-1f2a3b4c5d6e/webp/small.webp"

Json = dict[str, Any]


async def upload_private(client: Client, width_px: int) -> str:
    session = await client.upload(make_jpeg(width_px, 70), visibility="PRIVATE")
    await client.wait_complete(session.image_id)
    return session.image_id


async def get(address: str, **headers: str) -> httpx.Response:
    async with open_http() as client:
        return await client.get(address, headers=headers)


async def test_signed_url_opens_a_private_variant_until_its_time(people: People) -> None:
    async with people.client(await people.add()) as client:
        image_id = await upload_private(client, 301)
        image = (await client.ask(SIGNED, id=image_id, **{"in": 3_600}))["image"]
    signed = image["signedUrl"]

    plain, opened = await get(signed["url"].partition("?")[0]), await get(signed["url"])

    left = (datetime.fromisoformat(signed["expiresAt"]) - utc_now()).total_seconds()
    assert 3_000 < left <= 3_600
    assert (plain.status_code, opened.status_code) == (404, 200)
    assert opened.headers["content-type"] == "image/webp"
    kind, _, age = opened.headers["cache-control"].partition(", max-age=")
    assert kind == "private"
    assert 3_000 < int(age) <= 3_600
    assert image["unplanned"] is None
    assert [(await get(variant["signedUrl"]["url"])).status_code for variant in image["stableVariants"]] == [200] * len(
        image["stableVariants"]
    )


async def test_only_the_owner_is_given_signed_urls(people: People) -> None:
    owner, stranger = await people.add(), await people.add()
    writer = await people.add_key(owner, Scope.IMAGES_WRITE)
    query = "query ($id: ID!) { image(id: $id) { signedUrl { url } variant { signedUrl { url } } } }"
    nothing = {"signedUrl": None, "variant": {"signedUrl": None}}

    async with people.client(owner) as client:
        session = await client.upload(make_jpeg(302, 70))
        await client.wait_complete(session.image_id)
    seen = []
    for person in (stranger, None, writer):
        async with people.client(person) as client:
            seen.append((await client.ask(query, id=session.image_id))["image"])

    assert seen == [nothing, nothing, nothing]


@pytest.mark.parametrize("seconds", [0, -1, 31_536_001])
async def test_impossible_times_are_refused(people: People, seconds: int) -> None:
    async with people.client(await people.add()) as client:
        session = await client.open_session(1_000)
        query = "query ($id: ID!, $in: Int!) { image(id: $id) { signedUrl(expiresIn: $in) { url } } }"
        with pytest.raises(GraphQLFailure) as refusal:
            await client.ask(query, id=session.image_id, **{"in": seconds})

    assert refusal.value.errors[0]["extensions"]["details"] == {"field": "expiresIn"}


async def test_any_forgery_is_403_whether_there_is_such_an_image_or_not(people: People) -> None:
    async with people.client(await people.add()) as client, people.client(await people.add()) as stranger:
        image_id = await upload_private(client, 303)
        url: str = (await client.ask(SIGNED, id=image_id, **{"in": 3_600}))["image"]["signedUrl"]["url"]
        foreign = (await stranger.ask(KEYS))["signingKeys"][0]["value"]
        key = (await client.ask(KEYS))["signingKeys"][0]["value"]
    base, path = people.site.base_url, urlsplit(url).path
    soon = int(time.time()) + 3_600
    forgeries = {
        "longer": url.replace("exp=", "exp=9"),
        "other variant": url.replace("/webp/", "/avif/").replace(".webp", ".avif"),
        "more parameters": url + "&download=1",
        "changed": url[:-1] + ("0" if url[-1] != "0" else "1"),
        "cut": url[:-1],
        "no time": url.replace("exp=", "xp="),
        "over": base + sign(path, "", key=key, expires_at_s=int(time.time()) - 1),
        "stranger's key": base + sign(path, "", key=foreign, expires_at_s=soon),
        "absent image": base + sign(UNKNOWN, "", key=key, expires_at_s=soon),
        "no image at all": base + sign("/f/x/webp/small.webp", "", key=key, expires_at_s=soon),
        "blob": url.replace(path, f"/images/{image_id}/blob"),
    }

    answers = {name: await get(address) for name, address in forgeries.items()}

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(forgeries, 403)
    assert {answer.headers["cache-control"] for answer in answers.values()} == {"no-store"}
    assert len({answer.json()["message"] for answer in answers.values()}) == 1


async def test_other_parameters_may_be_signed_with_the_path(people: People) -> None:
    async with people.client(await people.add()) as client:
        image_id = await upload_private(client, 304)
        key = (await client.ask(KEYS))["signingKeys"][0]["value"]
    path = f"/images/{image_id}/blob"

    signed = await get(people.site.base_url + sign(path, "download=1", key=key, expires_at_s=int(time.time()) + 3_600))

    assert signed.status_code == 200
    assert signed.content == make_jpeg(304, 70)
    assert signed.headers["content-disposition"].startswith("attachment")


async def test_good_signature_opens_nothing_that_is_not_there(people: People) -> None:
    async with people.client(await people.add()) as client:
        image_id = await upload_private(client, 305)
        key = (await client.ask(KEYS))["signingKeys"][0]["value"]
    signed = sign(f"/f/{image_id}/png/w2048.png", "", key=key, expires_at_s=int(time.time()) + 3_600)

    assert (await get(people.site.base_url + signed)).status_code == 404


async def test_public_picture_with_a_bad_signature_is_403_and_with_a_good_one_is_public(people: People) -> None:
    async with people.client(await people.add()) as client:
        session = await client.upload(make_jpeg(306, 70))
        await client.wait_complete(session.image_id)
        url = (await client.ask(SIGNED, id=session.image_id, **{"in": 3_600}))["image"]["original"]["url"]

    good, bad = await get(url), await get(url + "0")

    assert (good.status_code, bad.status_code) == (200, 403)
    assert good.headers["cache-control"].startswith("public")


async def test_signed_transformation_of_a_private_image_is_made_and_no_other_is(people: People) -> None:
    async with people.client(await people.add()) as client:
        image_id = await upload_private(client, 308)
        url: str = (await client.ask(TRANSFORMED, id=image_id))["image"]["signedUrl"]["url"]
    wider = url.replace("w=5.", "w=6.")

    opened, forged, plain = await get(url), await get(wider), await get(url.partition("?")[0])

    assert wider != url
    assert (opened.status_code, forged.status_code, plain.status_code) == (200, 403, 404)
    assert Image.open(io.BytesIO(opened.content)).width == 5
    assert opened.headers["cache-control"].startswith("private, max-age=")


class TestKeys:
    """There is one, always; a new value ends what the old one signed."""

    async def test_new_account_has_one_called_default(self, people: People) -> None:
        async with people.client(await people.add()) as client:
            (key,) = (await client.ask(KEYS))["signingKeys"]

        assert (key["name"], len(key["value"])) == ("default", 64)

    async def test_rotating_ends_what_was_signed_and_another_key_keeps_it(self, people: People) -> None:
        async with people.client(await people.add()) as client:
            image_id = await upload_private(client, 307)
            made = (await client.ask(PUT, name="second"))["putSigningKey"]["signingKeys"]
            path = f"/images/{image_id}/blob"
            soon = int(time.time()) + 3_600
            addresses = [people.site.base_url + sign(path, "", key=key["value"], expires_at_s=soon) for key in made]
            before = [(await get(address)).status_code for address in addresses]
            await client.ask(PUT, name="default")

            assert [key["name"] for key in made] == ["default", "second"]
            assert before == [200, 200]
            assert [(await get(address)).status_code for address in addresses] == [403, 200]

    async def test_values_need_the_scopes_to_read_keys_and_images(self, people: People) -> None:
        writer = await people.add(scopes=[Scope.KEYS_WRITE])
        reader = await people.add(scopes=[Scope.KEYS_READ])
        async with people.client(writer) as client:
            made = (await client.ask(PUT, name="second"))["putSigningKey"]["signingKeys"]
            left = (await client.ask(DELETE, name="second"))["deleteSigningKey"]["signingKeys"]
            renewed = (await client.ask(DELETE, name="default"))["deleteSigningKey"]["signingKeys"]
        async with people.client(reader) as client:
            listed = (await client.ask(KEYS))["signingKeys"]

        assert [(key["name"], key["value"] is None) for key in made] == [("default", True), ("second", False)]
        assert [key["value"] for key in left + listed] == [None, None]
        assert len(renewed[0]["value"]) == 64

    async def test_in_the_place_of_the_last_comes_a_new_default(self, people: People) -> None:
        async with people.client(await people.add()) as client:
            (old,) = (await client.ask(KEYS))["signingKeys"]
            (new,) = (await client.ask(DELETE, name="default"))["deleteSigningKey"]["signingKeys"]

        assert new["name"] == "default"
        assert new["value"] != old["value"]

    async def test_one_that_is_not_there_cannot_be_deleted(self, people: People) -> None:
        async with people.client(await people.add()) as client:
            with pytest.raises(GraphQLFailure) as refusal:
                await client.ask(DELETE, name="nobodys")

        assert refusal.value.code == "NOT_FOUND"

    @pytest.mark.parametrize("name", ["", "a b", "x" * 100, "ü", "a\0"])
    async def test_bad_names_are_refused(self, people: People, name: str) -> None:
        async with people.client(await people.add()) as client:
            with pytest.raises(GraphQLFailure) as refusal:
                await client.ask(PUT, name=name)

        assert refusal.value.errors[0]["extensions"]["details"] == {"field": "name"}

    async def test_reader_may_not_rotate_and_writer_may_not_read(self, people: People) -> None:
        person: Person = await people.add()
        reader, writer = await people.add_key(person, Scope.KEYS_READ), await people.add_key(person, Scope.KEYS_WRITE)
        codes = []
        for holder, query in ((reader, PUT), (writer, KEYS)):
            async with people.client(holder) as client:
                with pytest.raises(GraphQLFailure) as refusal:
                    await client.ask(query, **({"name": "x"} if query == PUT else {}))
                codes.append(refusal.value.code)

        assert codes == ["FORBIDDEN", "FORBIDDEN"]
