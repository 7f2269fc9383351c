"""Whatever is sent, this face answers in its envelope, and never with a fault."""

import itertools

import pytest

from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.cloudflare_api import IMAGES_PATH, ask, error_of, path_of, upload
from tests.support.http_client import open_http
from tests.support.pictures import make_jpeg
from tests.support.raw_http import open_wire
from tests.support.residents import Person

OPERATIONS = [
    ("GET", "/v1"),
    ("POST", "/v1"),
    ("GET", "/v1/some/image"),
    ("PATCH", "/v1/some-image"),
    ("DELETE", "/v1/some-image"),
    ("GET", "/v1/some-image/blob"),
    ("GET", "/v2"),
    ("POST", "/v2/direct_upload"),
    ("GET", "/v1/keys"),
    ("PUT", "/v1/keys/some"),
    ("DELETE", "/v1/keys/some"),
    ("GET", "/v1/stats"),
    ("GET", "/v1/variants"),
    ("POST", "/v1/variants"),
    ("GET", "/v1/variants/some"),
    ("PATCH", "/v1/variants/some"),
    ("DELETE", "/v1/variants/some"),
    ("PATCH", "/v1/config"),
    ("GET", "/v1/batch_token"),
]
ON_BATCH = OPERATIONS[:8]
FORM = "multipart/form-data; boundary=x"
FIELD = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n1\r\n'
JSON = "application/json"
QUERY = "application/x-www-form-urlencoded"
BODIES: list[tuple[bytes, str]] = [
    (b"", JSON),
    (b"null", JSON),
    (b"[" * 100_000, JSON),
    (b'{"id":1,"options":1,"metadata":1,"creator":1,"expiry":1,"flexible_variants":1}', JSON),
    (b'{"id":"\\ud800","creator":"\\u0000","metadata":{"a":"\\u0000"},"options":{"width":1e400}}', JSON),
    (b'{"metadata":' * 2_000 + b"1" + b"}" * 2_000, JSON),
    (b"\xff\xfe", QUERY),
    (b"id=%00&metadata=%ff&expiry=0", QUERY),
    (b"&".join([b"a=b"] * 300), QUERY),
    (b"a" * 70_000, QUERY),
    (b"no form", FORM),
    (b"--x\r\n\r\n\r\n--x--\r\n", FORM),
    (FIELD % (b"metadata" + b".a" * 900) + b"--x--", FORM),
    (FIELD % b"a" * 300 + b"--x--", FORM),
    (FIELD % b"a" + FIELD % b"a.b" + b"--x--", FORM),
    (b"", "multipart/form-data; boundary=" + "x" * 300),
    (b"x", ""),
]


@pytest.mark.parametrize("credential", [None, "Bearer wrong", "Basic abc", "Bearer a.b.c", "Bearer slu_x", "Bearer"])
async def test_without_a_good_token_nothing_is_answered(people: People, credential: str | None) -> None:
    # CI-03, CI-51; guests that another face lets in have no account to look into here
    headers = {"Authorization": credential} if credential is not None else {}
    paths = [(method, IMAGES_PATH + path) for method, path in OPERATIONS]
    paths += [(method, f"/images{path}") for method, path in ON_BATCH]

    async with open_http(people.site.base_url, headers=headers) as nobody:
        answers = {path: await nobody.request(*path) for path in paths}

    assert {path: error_of(answer) for path, answer in answers.items()} == dict.fromkeys(paths, (401, 10000))
    assert all("www-authenticate" in answer.headers for answer in answers.values())


async def test_an_address_without_a_route_says_so(client: Client) -> None:
    # CI-53
    paths = ["/client/v4/", "/client/v4/user/tokens/verify", f"{IMAGES_PATH}/v3", f"{IMAGES_PATH}/v2/x", IMAGES_PATH]
    paths += ["/images/v2/x", "/client/v4/direct_upload/x"]

    answers = [await client.http.get(path) for path in paths]

    assert [error_of(answer) for answer in answers] == [(404, 7003)] * len(paths)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1", {"GET", "HEAD", "POST"}),
        ("POST", "/v2", {"GET", "HEAD"}),
        ("GET", "/v2/direct_upload", {"POST"}),
        ("POST", "/v1/some/image", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("PUT", "/v1/variants/x", {"GET", "HEAD", "PATCH", "DELETE"}),
    ],
)
async def test_a_wrong_method_is_told_which_there_are(
    client: Client, method: str, path: str, allowed: set[str]
) -> None:
    # CI-50
    answer = await client.http.request(method, IMAGES_PATH + path)

    assert error_of(answer) == (405, 5405)
    assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "name",
    [
        *("..", "%2E%2E", "a/../b", "%00", "%ff", "%", "a%2", "%252F", "a//b", "/", "x" * 9000, "%F0%9F%92%A9" * 700),
        *("'%20OR%201=1", "%E2%80%AE", "00000000-0000-0000-0000-000000000000", "keys/x", "a/blob", "%E0%80%80", "\xff"),
    ],
    ids=lambda name: name[:20],
)
async def test_an_odd_name_names_nothing(people: People, person: Person, client: Client, name: str) -> None:
    # CI-53: the path arrives as it stands here
    headers = {"Authorization": f"Bearer {person.key}"}
    for path in (
        f"{IMAGES_PATH}/v1/{name}",
        f"{IMAGES_PATH}/v1/{name}/blob",
        f"{IMAGES_PATH}/v1/variants/{name}",
        f"/images/v1/{name}",
    ):
        async with open_wire(people.site.base_url) as wire:
            await wire.send_head("GET", path, headers)
            answer = await wire.read_answer()

        assert answer.status in {400, 404, 414, 431}, path[:200]
        if answer.headers.get("content-type") == "application/json":
            assert answer.json["errors"][0]["code"] in {5404, 7003}, path[:200]


@pytest.mark.parametrize(("body", "content_type"), BODIES, ids=itertools.count())
async def test_a_bad_body_is_no_fault(client: Client, body: bytes, content_type: str) -> None:
    # CI-50, CI-56, CI-59
    await ask(client, "POST", "/v1/variants", json={"id": "v", "options": {"fit": "pad", "width": 9, "height": 9}})
    image = await upload(client, make_jpeg(360, 200))
    sending = [
        ("POST", "/v1"),
        ("PATCH", path_of(image["id"])),
        ("POST", "/v1/variants"),
        ("PATCH", "/v1/config"),
    ]

    headers = {"Content-Type": content_type} if content_type else {}
    answers = [
        await client.http.request(method, IMAGES_PATH + path, content=body, headers=headers) for method, path in sending
    ]

    assert {error_of(answer)[0] for answer in answers} <= {400, 408, 413, 415}
    # Both of these take less than there could be: no field at all is a request, too.
    for method, path in (("POST", "/v2/direct_upload"), ("PATCH", "/v1/variants/v")):
        answer = await client.http.request(method, IMAGES_PATH + path, content=body, headers=headers)
        assert answer.status_code == 200 or error_of(answer)[0] in {400, 408, 413}
    assert await ask(client, "GET", path_of(image["id"])) == {**image, "draft": False}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"filename": "x"},
        {"metadata": "x"},
        {"metadata": [1]},
        {"metadata": {"k": "x" * 1025}},
        {"creator": 7},
        {"requireSignedURLs": 7},
    ],
    ids=str,
)
async def test_a_change_that_cannot_be_changes_nothing(client: Client, body: object) -> None:
    # CA-04, CA-10, CI-50
    image = await upload(client, make_jpeg(361, 200), metadata='{"k": 1}')

    answer = await client.http.patch(IMAGES_PATH + path_of(image["id"]), json=body)

    assert error_of(answer) == (400, 5400)
    assert await ask(client, "GET", path_of(image["id"])) == {**image, "draft": False}


async def test_null_clears_what_may_be_empty(client: Client) -> None:
    # CA-04, CA-07, CA-10
    image = await upload(client, make_jpeg(362, 200), metadata='{"k": 1}', creator="u")

    changed = await ask(client, "PATCH", path_of(image["id"]), json={"metadata": None, "creator": None})

    assert changed == {**image, "creator": None, "meta": {}, "metadata": {}}
