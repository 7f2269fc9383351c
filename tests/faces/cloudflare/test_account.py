"""What concerns the whole account: configuration, the batch host, and variants and keys that cannot be."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.access import Scope
from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.cloudflare_api import IMAGES_PATH, Json, ask, error_of, fetch, path_of, result_of, send, upload
from tests.support.http_client import open_http
from tests.support.pictures import CANARY, Tags, make_jpeg, open_picture
from tests.support.residents import Person
from tests.support.site_rows import let_key_expire

HERO: Json = {"fit": "cover", "width": 120, "height": 60, "metadata": "none"}
COPYRIGHT, MAKE = 0x8298, 0x010F


async def test_flexible_variants_are_turned_on_and_off(client: Client) -> None:
    # CI-46
    made = await upload(client, make_jpeg(640, 480))
    flexible = made["variants"][0].replace("/public", "/w=100,h=50,fit=cover")
    before = (await fetch(flexible)).status_code

    on = await ask(client, "PATCH", "/v1/config", json={"flexible_variants": True, "browser_ttl": 600})
    served = await fetch(flexible)
    off = await ask(client, "PATCH", "/v1/config", json={"flexible_variants": False})

    assert on == {"flexible_variants": True, "browser_ttl": 600, "preserve_content_credentials": False}
    assert off == {**on, "flexible_variants": False}
    assert before == 404
    assert open_picture(served.content).size == (100, 50)
    assert "max-age=600" in served.headers["cache-control"]


@pytest.mark.parametrize(
    "body",
    [
        {"flexible_variants": "yes"},
        {"browser_ttl": -1},
        {"browser_ttl": 10**12},
        {"browser_ttl": 1.5},
        {"preserve_content_credentials": True},
        [],
        None,
    ],
    ids=str,
)
async def test_a_configuration_that_cannot_be_is_refused(client: Client, body: object) -> None:
    # CI-46, CI-50
    assert error_of(await client.http.patch(f"{IMAGES_PATH}/v1/config", json=body)) == (400, 5400)


async def test_a_batch_token_is_good_for_images_on_the_batch_host(people: People, client: Client) -> None:
    # CI-02, CI-47, CI-48
    issued = await ask(client, "GET", "/v1/batch_token")
    ends_in = datetime.fromisoformat(issued["expiresAt"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < ends_in <= timedelta(hours=1)
    headers = {"Authorization": f"Bearer {issued['token']}"}

    async with open_http(people.site.base_url, headers=headers) as batch:
        made = result_of(await batch.post("/images/v1", files={"file": make_jpeg(700, 300)}, data={"id": "a/b"}))
        listed = result_of(await batch.get("/images/v2"))
        details = result_of(await batch.get("/images/v1/a%2Fb"))
        changed = result_of(await batch.patch("/images/v1/a%2Fb", json={"creator": "u"}))
        blob = await batch.get("/images/v1/a%2Fb/blob")
        opened = result_of(await batch.post("/images/v2/direct_upload"))
        sent = await send(opened["uploadURL"], make_jpeg(701, 300))
        gone = result_of(await batch.delete("/images/v1/a%2Fb"))
        closed = [
            await batch.get(f"{IMAGES_PATH}/v1/keys"),
            await batch.get(f"{IMAGES_PATH}/v1/stats"),
            await batch.get(f"{IMAGES_PATH}/v1/batch_token"),
            await batch.patch(f"{IMAGES_PATH}/v1/config", json={"flexible_variants": True}),
        ]
        absent = await batch.get("/images/v1/keys")

    assert (made["id"], [image["id"] for image in listed["images"]]) == ("a/b", ["a/b"])
    assert (details["draft"], changed["creator"], gone) == (False, "u", {})
    assert (blob.status_code, blob.content) == (200, make_jpeg(700, 300))
    assert sent.status_code == 200
    assert [error_of(answer) for answer in closed] == [(403, 9109)] * 4
    assert error_of(absent) == (404, 5404)


async def test_a_batch_token_ends_when_its_key_expires(people: People) -> None:
    # CI-47
    person = await people.add(expires_at=datetime.now(UTC) + timedelta(hours=2))
    async with people.client(person) as client:
        token = (await ask(client, "GET", "/v1/batch_token"))["token"]
        headers = {"Authorization": f"Bearer {token}"}
        good = await client.http.get("/images/v2", headers=headers)
        await let_key_expire(people.site, person.key_id)

        ended = await client.http.get("/images/v2", headers=headers)

    assert good.status_code == 200
    assert error_of(ended) == (401, 10000)


async def test_a_batch_token_ends_with_its_key(people: People) -> None:
    # CI-47, CI-51
    person = await people.add()
    async with people.client(person) as client:
        token = (await ask(client, "GET", "/v1/batch_token"))["token"]
        headers = {"Authorization": f"Bearer {token}"}
        good = await client.http.get("/images/v2", headers=headers)
        await client.ask("mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } } }", id=person.key_id)

        ended = await client.http.get("/images/v2", headers=headers)
        forged = await client.http.get("/images/v2", headers={"Authorization": f"Bearer {token[:-3]}abc"})

    assert good.status_code == 200
    assert [error_of(answer) for answer in (ended, forged)] == [(401, 10000)] * 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"id": "x"}, 400),
        ({"id": "x", "options": {"width": 10, "height": 10}}, 400),
        ({"id": "x", "options": {**HERO, "fit": "squeeze"}}, 400),
        ({"id": "x", "options": {**HERO, "metadata": "some"}}, 400),
        ({"id": "x", "options": {**HERO, "width": 0}}, 400),
        ({"id": "x", "options": {**HERO, "height": 20_000}}, 400),
        ({"id": "x", "options": {**HERO, "width": 10.5}}, 400),
        ({"id": "x", "options": {**HERO, "width": "10"}}, 400),
        ({"id": "x", "options": {**HERO, "width": True}}, 400),
        ({"id": "x", "options": []}, 400),
        ({"id": "x" * 100, "options": HERO}, 400),
        ({"id": "a b", "options": HERO}, 400),
        ({"id": "w=100", "options": HERO}, 400),
        ({"id": 7, "options": HERO}, 400),
        ({"id": "x", "options": HERO, "neverRequireSignedURLs": "no"}, 400),
        ({"id": "public", "options": HERO}, 409),
        ({"id": "thumb", "options": HERO}, 409),
    ],
    ids=str,
)
async def test_a_variant_that_cannot_be_is_refused(client: Client, body: Json, status: int) -> None:
    # CI-36 to CI-40, CA-24, CA-27 to CA-32
    answer = await client.http.post(f"{IMAGES_PATH}/v1/variants", json=body)

    assert error_of(answer) == (status, 5000 + status)
    assert list((await ask(client, "GET", "/v1/variants"))["variants"]) == ["public"]


async def test_a_change_of_a_variant_keeps_what_it_does_not_name(client: Client) -> None:
    # CI-36, CI-43, CI-44, CA-23, CA-25, CA-27, CA-29, CA-30: the guide's examples name just some of the options
    longest = "v" * 99
    without = {name: HERO[name] for name in ("fit", "width", "height")}
    made = await ask(client, "POST", "/v1/variants", json={"id": longest, "options": without})

    changed = await ask(client, "PATCH", f"/v1/variants/{longest}", json={"options": {"width": 350.0, "height": 350}})

    assert made == {"variant": {"id": longest, "options": HERO, "neverRequireSignedURLs": False}}
    assert changed["variant"]["options"] == {**HERO, "width": 350, "height": 350}
    assert await ask(client, "GET", f"/v1/variants/{longest}") == changed


async def test_the_variant_public_stays_as_it_is(client: Client) -> None:
    # CI-36, CI-44, CI-45
    public = await ask(client, "GET", "/v1/variants/public")

    deleted = await client.http.delete(f"{IMAGES_PATH}/v1/variants/public")
    changed = await client.http.patch(f"{IMAGES_PATH}/v1/variants/public", json={"options": {"width": 10}})

    assert [error_of(answer) for answer in (deleted, changed)] == [(409, 5409)] * 2
    assert await ask(client, "GET", "/v1/variants/public") == public
    assert public["variant"]["options"] == {"fit": "scale-down", "metadata": "none", "width": 1366, "height": 768}
    for method in ("GET", "DELETE"):
        assert error_of(await client.http.request(method, f"{IMAGES_PATH}/v1/variants/none")) == (404, 5404)


async def test_a_variant_keeps_the_metadata_that_it_says(client: Client) -> None:
    # CI-40, CA-31
    policies = ("copyright", "keep", "none")
    for policy in policies:
        body = {"id": policy, "options": {**HERO, "metadata": policy}}
        await ask(client, "POST", "/v1/variants", json=body)
    made = await upload(client, make_jpeg(640, 480, tags=Tags(camera=True)))

    served = [await fetch(url, headers={"Accept": "image/jpeg"}) for url in made["variants"][1:]]

    exif = [open_picture(answer.content).getexif() for answer in served]
    assert [url.rpartition("/")[2] for url in made["variants"][1:]] == list(policies)
    assert [each.get(COPYRIGHT) for each in exif] == ["(c) Jane Doe", "(c) Jane Doe", None]
    assert [CANARY in str(each.get(MAKE)) for each in exif] == [False, True, False]


@pytest.mark.parametrize("name", ["a%20b", "a.b", "%C3%BC", "x" * 100, "a%2Fb"])
async def test_a_signing_key_that_cannot_be_is_refused(client: Client, name: str) -> None:
    # CA-17, CA-19
    answer = await client.http.put(f"{IMAGES_PATH}/v1/keys/{name}")

    assert error_of(answer) == (400, 5400)
    assert error_of(await client.http.delete(f"{IMAGES_PATH}/v1/keys/{name}")) == (404, 5404)


async def test_there_may_be_more_signing_keys_than_two(client: Client) -> None:
    # CA-17: our limit is twenty
    for number in range(19):
        keys = (await ask(client, "PUT", f"/v1/keys/key-{number}"))["keys"]

    assert len(keys) == 20
    assert all(set(key) == {"name", "value"} and len(key["value"]) == 64 for key in keys)
    assert error_of(await client.http.put(f"{IMAGES_PATH}/v1/keys/one-more")) == (409, 5409)


async def test_each_part_of_the_account_needs_its_scope(people: People, person: Person) -> None:
    # CI-03, CI-52
    needs = {
        ("GET", "/v1/keys"): Scope.KEYS_READ,
        ("PUT", "/v1/keys/x"): Scope.KEYS_WRITE,
        ("GET", "/v1/stats"): Scope.ACCOUNT_READ,
        ("PATCH", "/v1/config"): Scope.ACCOUNT_WRITE,
        ("GET", "/v1/variants"): Scope.VARIANTS_READ,
        ("DELETE", "/v1/variants/x"): Scope.VARIANTS_WRITE,
        ("GET", "/v2"): Scope.IMAGES_READ,
        ("DELETE", path_of("x")): Scope.IMAGES_WRITE,
    }

    for (method, path), scope in needs.items():
        others = [other for other in needs.values() if other is not scope]
        async with people.client(await people.add_key(person, *others)) as client:
            answer = await client.http.request(method, IMAGES_PATH + path, json={} if method == "PATCH" else None)
        assert error_of(answer) == (403, 9109), (method, path)
