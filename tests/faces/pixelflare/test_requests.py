"""PixelFlare's documented commands, credentials, limits and errors: PF-01 to PF-04, PF-30, PF-31, PF-53 to PF-64."""

import json
from pathlib import Path

import httpx
import pytest

from app.domain.access import Scope
from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.documented_scripts import run_shell
from tests.support.http_client import open_http
from tests.support.pictures import make_jpeg, make_png
from tests.support.pixelflare_api import Json, create, error_of, put, read, upload
from tests.support.residents import Person
from tests.support.servers.reference import Document, Reference

API_URL, CDN_URL = "https://api.yourdomain.com", "https://cdn.yourdomain.com"


@pytest.fixture(scope="session")
def document(reference: Reference) -> Document:
    return reference.read("pixelflare-api.txt")


async def test_the_documented_workflow_runs_with_another_base_url(
    people: People, person: Person, document: Document, tmp_path: Path
) -> None:
    # PF-02, PF-03, PF-22 to PF-24, PF-29, PF-30, PF-31
    (tmp_path / "photo.jpg").write_bytes(make_jpeg(310, 200))
    workflow = document.between("# 1. Create image metadata", "\nFiltering")
    first, second = workflow[: workflow.index("# 2.")], workflow[workflow.index("# 2.") : workflow.index("# 3.")]
    address = document.between(f"{CDN_URL}/owner/photos", "\n", after="# 3. Image is now available")

    created = await run_shell(first.replace(API_URL, people.site.base_url), cwd=tmp_path, API_KEY=person.key)
    upload_url = json.loads(created)["upload_url"]
    await run_shell(second, cwd=tmp_path, UPLOAD_URL=upload_url)

    public_url = address.replace(f"{CDN_URL}/owner", f"{people.site.base_url}/cdn/{person.username}")
    async with open_http() as nobody:
        answer = await nobody.get(public_url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")


@pytest.mark.full("make test runs the documented workflow")
async def test_the_documented_filters_run_with_another_base_url(
    people: People, person: Person, client: Client, document: Document, tmp_path: Path
) -> None:
    # PF-64
    beach = await upload(client, make_png(70, 30), tags=["beach"])
    vacation = await upload(client, make_png(71, 30), album="vacation")
    script = document.between("# Get all images in an album", "\nReleased under")
    middle = script.index("# Get all images with a tag")

    printed = [
        await run_shell(part.replace(API_URL, people.site.base_url), cwd=tmp_path, API_KEY=person.key)
        for part in (script[:middle], script[middle:])
    ]

    assert [[image["id"] for image in json.loads(text)["data"]] for text in printed] == [
        [vacation["id"]],
        [beach["id"]],
    ]


async def test_both_credentials_are_taken_and_no_other(people: People, person: Person, client: Client) -> None:
    # PF-03, PF-04, PF-58
    draft = await create(client)
    token = httpx.URL(draft["upload_url"]).params["token"]
    good = [
        {"Authorization": f"Bearer {person.key}"},
        {"Cf-Access-Jwt-Assertion": people.issuer.token(sub="flare", email="flare@example.org")},
    ]
    bad = [
        {},
        {"Authorization": "Bearer pxf_abc123"},
        {"Authorization": person.key},
        {"Authorization": f"Bearer {token}"},
        {"Cf-Access-Jwt-Assertion": people.issuer.token(exp=1)},
        {"Cf-Access-Jwt-Assertion": "a.b.c"},
    ]

    async with open_http(people.site.base_url) as http:
        taken = [(await http.get("/v1/images", headers=headers)).status_code for headers in good]
        refused = [await http.get("/v1/images", headers=headers) for headers in bad]
        # The server lets guests upload; this API has none.
        refused += [await http.post("/v1/images", json={}, headers=headers) for headers in bad]
        for name in (draft["id"], "nothere123"):
            refused.append(await http.get(f"/v1/images/{name}"))
            refused.append(await http.patch(f"/v1/images/{name}", json={}))
            refused.append(await http.delete(f"/v1/images/{name}"))
            refused.append(await http.post(f"/v1/images/{name}/variants", json={"variants": ["thumb"]}))

    assert taken == [200, 200]
    assert [error_of(answer) for answer in refused] == [(401, "UNAUTHORIZED", None)] * len(refused)
    assert all("www-authenticate" in answer.headers for answer in refused)


async def test_a_key_without_the_scope_is_forbidden(people: People, person: Person) -> None:
    # PF-59
    reader = await people.add_key(person, Scope.IMAGES_READ)

    async with people.client(reader) as client:
        answers = [
            await client.http.post("/v1/images", json={"filename": "a.jpg"}),
            await client.http.get("/v1/albums"),
            await client.http.get("/v1/albums/any"),
            await client.http.get("/v1/keys"),
        ]

    assert [error_of(answer) for answer in answers] == [(403, "FORBIDDEN", None)] * 4


async def test_nobody_elses_image_is_there(people: People, client: Client) -> None:
    # PF-60
    image = await upload(client, make_png(72, 30))

    async with people.client(await people.add()) as stranger:
        answers = [
            answer
            for name in (image["id"], "nothere123", image["uuid"], "a" * 300, "%00", "ümläut")
            for answer in (
                await stranger.http.get(f"/v1/images/{name}"),
                await stranger.http.patch(f"/v1/images/{name}", json={"alt": "Mine"}),
                await stranger.http.delete(f"/v1/images/{name}"),
                await stranger.http.post(f"/v1/images/{name}/variants", json={"variants": ["thumb"]}),
            )
        ]

    assert [error_of(answer) for answer in answers] == [(404, "NOT_FOUND", None)] * len(answers)
    assert (await read(client, f"/v1/images/{image['id']}"))["alt"] is None


async def test_plan_free_may_begin_ten_uploads_a_minute(people: People) -> None:
    # PF-53, PF-61
    answers: list[httpx.Response] = []
    async with people.client(await people.add("free")) as client:
        while not answers or answers[-1].status_code == 201:
            answers.append(await client.http.post("/v1/images", json={}))
            assert answers[-1].headers["x-ratelimit-limit"] == "10"
        listed = await client.http.get("/v1/images")

    # One more comes back every six seconds, which a slow machine may need.
    assert len(answers) > 10
    assert error_of(answers[-1]) == (429, "RATE_LIMITED", None)
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 6
    assert listed.status_code == 200


async def test_what_is_no_picture_or_too_large_is_refused_by_its_code(people: People, client: Client) -> None:
    # PF-62, PF-63, K6
    page = await put((await create(client))["upload_url"], b"<html><body>no picture</body></html>" * 10)
    async with people.client(await people.add("small")) as poor:
        large = await put((await create(poor))["upload_url"], make_png(900, 700, noise=True))

    assert (page.status_code, page.json()["code"]) == (415, "INVALID_FILE_TYPE")
    assert (large.status_code, large.json()["code"]) == (413, "FILE_TOO_LARGE")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b"null", "body"),
        (b"\xff\xfe", "body"),
        (b'{"filename": "\\ud800"}', "body"),
        (b'{"filename": 7}', "filename"),
        (b'{"filename": "\\u0000.jpg"}', "filename"),
        (b'{"album": ["a"]}', "album"),
        (b'{"album": "Not A Slug"}', "album"),
        (b'{"album": ""}', "album"),
        (b'{"tags": "beach"}', "tags"),
        (b'{"tags": [1]}', "tags"),
        (b'{"tags": [""]}', "tags"),
        (b'{"alt": {}}', "alt"),
        (b'{"is_private": "yes"}', "is_private"),
        (b'{"turnstile_token": 7}', "turnstile_token"),
        (b"[" * 50_000, "body"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_bad_body_is_refused_by_its_field(client: Client, body: bytes, field: str) -> None:
    # PF-56, PF-57
    assert error_of(await client.http.post("/v1/images", content=body)) == (400, "INVALID_REQUEST", field)


async def test_a_long_body_is_too_large(client: Client) -> None:
    # PF-56, PF-63
    assert error_of(await client.http.post("/v1/images", content=b" " * 70_000))[:2] == (413, "FILE_TOO_LARGE")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"limit": "9" * 5_000}, "limit"),
        ({"limit": "٣"}, "limit"),
        ({"cursor": "xyz789"}, "cursor"),
        ({"cursor": ""}, "cursor"),
        ({"include_deleted": "perhaps"}, "include_deleted"),
        ({"tag": "x" * 65}, "tag"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_bad_query_is_refused_by_its_field(client: Client, query: dict[str, str], field: str) -> None:
    # PF-06, PF-07, PF-57
    assert error_of(await client.http.get("/v1/images", params=query)) == (400, "INVALID_REQUEST", field)


@pytest.mark.parametrize(
    ("method", "path", "body", "wanted"),
    [
        ("GET", "/v1/", None, (404, "NOT_FOUND", None)),
        ("GET", "/v1/nothing", None, (404, "NOT_FOUND", None)),
        ("PUT", "/v1/images", {}, (405, "INVALID_REQUEST", None)),
        ("POST", "/v1/images/{id}/variants", {"variants": []}, (400, "INVALID_REQUEST", "variants")),
        ("POST", "/v1/images/{id}/variants", {}, (400, "INVALID_REQUEST", "variants")),
        ("POST", "/v1/images/{id}/variants", {"variants": ["huge"]}, (400, "DERIVATIVE_NOT_ALLOWED", "variants")),
        ("POST", "/v1/images/{id}/variants", {"variants": "thumb"}, (400, "INVALID_REQUEST", "variants")),
        ("PATCH", "/v1/images/{id}", {"album": "not-there"}, (404, "NOT_FOUND", "album")),
        ("PATCH", "/v1/images/{id}", {"filename": None}, (400, "INVALID_REQUEST", "filename")),
        ("PATCH", "/v1/images/{id}", {"tags": ["x"] * 1_000 + ["y" * 65]}, (400, "INVALID_REQUEST", "tags")),
    ],
    ids=str,
)
async def test_what_cannot_be_done_is_told_in_pixelflares_shape(
    client: Client, method: str, path: str, body: Json | None, wanted: tuple[int, str, str | None]
) -> None:
    # PF-33, PF-35, PF-56, PF-57, PF-60
    draft = await create(client)

    answer = await client.http.request(method, path.format(id=draft["id"]), json=body)

    assert error_of(answer) == wanted


async def test_a_wrong_method_is_told_the_right_ones(client: Client) -> None:
    # PF-57
    answer = await client.http.put("/v1/images", json={})

    assert sorted(answer.headers["allow"].split(", ")) == ["GET", "HEAD", "POST"]
