"""Uploads as Cloudflare's documents send them: forms in any order, URLs, what is refused, and what that leaves."""

import json
from urllib.parse import urlsplit

import httpx
import pytest

from app.domain.access import Scope
from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.cloudflare_api import IMAGES_PATH, ask, error_of, path_of, result_of, upload
from tests.support.pictures import join_png, make_gif, make_jpeg, make_png
from tests.support.raw_http import open_wire
from tests.support.residents import Person

LONG = {"k": "x" * 1017}
"""As JSON 1,025 bytes."""
UNDECODABLE = join_png(
    [(b"IHDR", b"\0\0\0\x40\0\0\0\x30\x08\x02\0\0\0"), (b"IDAT", b"this is no zlib stream"), (b"IEND", b"")]
)


def form(*parts: tuple[str, bytes], name: str = "beach.jpg") -> tuple[bytes, dict[str, str]]:
    """A form whose parts come in just this order; `file` is a file."""
    lines: list[bytes] = []
    for field, content in parts:
        filename = f'; filename="{name}"' if field == "file" else ""
        lines += [b"--limit", f'Content-Disposition: form-data; name="{field}"{filename}'.encode(), b"", content]
    return b"\r\n".join([*lines, b"--limit--", b""]), {"Content-Type": "multipart/form-data; boundary=limit"}


async def post(client: Client, content: bytes, headers: dict[str, str], *, path: str = "/v1") -> httpx.Response:
    return await client.http.post(IMAGES_PATH + path, content=content, headers=headers)


async def count(client: Client) -> int:
    return len((await ask(client, "GET", "/v2"))["images"])


@pytest.mark.parametrize("is_file_first", [True, False])
async def test_what_is_said_of_a_file_counts_wherever_it_stands(client: Client, *, is_file_first: bool) -> None:
    # CI-05 to CI-08, CA-03, CA-07, CA-10: the documents' own example has the file first
    said = [("requireSignedURLs", b"true"), ("metadata", b'{"n":1,"deep":{"on":true}}'), ("creator", "Zoë".encode())]
    file = [("file", make_jpeg(300, 200))]

    answer = await post(client, *form(*(file + said if is_file_first else said + file)))

    made = result_of(answer)
    assert (made["requireSignedURLs"], made["creator"], made["filename"]) == (True, "Zoë", "beach.jpg")
    assert made["meta"] == made["metadata"] == {"n": 1, "deep": {"on": True}}


async def test_the_answer_has_every_field_of_the_model(client: Client) -> None:
    # CI-09 to CI-14, CA-06, CA-08, CA-12, CA-13
    answer = await client.http.post(f"{IMAGES_PATH}/v1", files={"file": ("a.gif", make_gif(30, 20))})

    assert answer.status_code == 200
    assert answer.json() == {"result": result_of(answer), "success": True, "errors": [], "messages": []}
    made = result_of(answer)
    assert set(made) == {
        *("id", "filename", "uploaded", "requireSignedURLs", "variants", "creator", "meta", "metadata"),
    }
    assert made["uploaded"][10] == "T"
    assert (made["uploaded"][-5], made["uploaded"][-1]) == (".", "Z")
    [url] = made["variants"]
    _, _, account_hash, image_id, variant = urlsplit(url).path.split("/")
    assert (len(account_hash), image_id, variant) == (22, made["id"], "public")


@pytest.mark.parametrize(
    ("fields", "status", "number"),
    [
        ({"metadata": "{"}, 400, 5400),
        ({"metadata": "[1]"}, 400, 5400),
        ({"metadata": json.dumps(LONG)}, 400, 5400),
        ({"requireSignedURLs": "maybe"}, 400, 5400),
        ({"id": "x" * 1025}, 400, 5400),
        ({"id": "/a"}, 400, 5400),
        ({"id": "a/"}, 400, 5400),
        ({"id": ".."}, 400, 5400),
        ({"id": "a\nb"}, 400, 5400),
        ({"id": "2cdc28f0-017a-49c4-9ed7-87056c839012"}, 400, 5400),
        ({"id": "mine", "requireSignedURLs": "true"}, 400, 5400),
        ({"creator": "x" * 1025}, 400, 5400),
        ({"url": "https://example.org/a.jpg"}, 400, 5400),
    ],
)
async def test_what_cannot_be_is_refused_and_leaves_nothing(
    client: Client, fields: dict[str, str], status: int, number: int
) -> None:
    # CI-06, CI-08, CI-15, CI-20, CI-50, CI-59, CA-07, CA-10
    answer = await client.http.post(f"{IMAGES_PATH}/v1", files={"file": make_jpeg(301, 200)}, data=fields)

    assert error_of(answer) == (status, number)
    assert await count(client) == 0


@pytest.mark.parametrize(
    ("content", "status", "number"),
    [
        (b"", 400, 5400),
        (b"no picture, but text", 415, 5455),
        (UNDECODABLE, 422, 5422),
    ],
    ids=["empty", "text", "broken"],
)
async def test_bytes_that_are_no_picture_are_refused_and_free_their_name(
    client: Client, content: bytes, status: int, number: int
) -> None:
    # CI-05, CI-50
    answer = await client.http.post(f"{IMAGES_PATH}/v1", files={"file": ("a.jpg", content)}, data={"id": "again"})

    assert error_of(answer) == (status, number)
    assert await count(client) == 0
    assert (await upload(client, make_jpeg(302, 200), id="again"))["id"] == "again"


async def test_a_request_without_an_image_says_what_it_lacks(client: Client) -> None:
    # CI-04, CI-05, CI-15
    content, headers = form(("metadata", b"{}"))
    twice = form(("file", make_png(20, 10)), ("file", make_png(21, 10)))

    raw = await client.http.post(f"{IMAGES_PATH}/v1", content=make_png(20, 10), headers={"Content-Type": "image/png"})

    assert error_of(raw) == (415, 5415)
    assert error_of(await post(client, content, headers)) == (400, 5400)
    assert error_of(await post(client, *twice)) == (400, 5400)
    assert error_of(await post(client, content[:-10], headers)) == (408, 5408)
    assert error_of(await post(client, content, {"Content-Type": "multipart/form-data"})) == (400, 5400)
    assert await count(client) == 0


async def test_a_taken_id_is_a_conflict_until_its_image_is_gone(client: Client) -> None:
    # CI-06, CI-35
    await upload(client, make_jpeg(310, 200), id="one/name")

    again = await client.http.post(f"{IMAGES_PATH}/v1", files={"file": make_jpeg(311, 200)}, data={"id": "one/name"})

    assert error_of(again) == (409, 5409)
    await ask(client, "DELETE", path_of("one/name"))
    assert (await upload(client, make_jpeg(311, 200), id="one/name"))["id"] == "one/name"


async def test_a_file_that_is_too_large_is_refused_before_it_is_read(people: People, person: Person) -> None:
    # CI-54
    headers = {
        "Authorization": f"Bearer {person.key}",
        "Content-Type": "multipart/form-data; boundary=limit",
        "Content-Length": "99999999999",
    }

    async with open_wire(people.site.base_url) as wire:
        await wire.send_head("POST", f"{IMAGES_PATH}/v1", headers)
        answer = await wire.read_answer()

    assert (answer.status, answer.json["errors"][0]["code"]) == (413, 5413)


async def test_what_the_plan_has_no_room_for_is_refused(people: People) -> None:
    # CI-54, CI-55, CI-62
    async with people.client(await people.add("few")) as client:
        for number in range(3):
            await upload(client, make_jpeg(320 + number, 200))
        full = await client.http.post(f"{IMAGES_PATH}/v1", files={"file": make_jpeg(330, 200)})
    async with people.client(await people.add("daily")) as client:
        answers = [await client.http.post(f"{IMAGES_PATH}/v2/direct_upload") for _ in range(4)]

    assert error_of(full) == (413, 5413)
    assert [answer.status_code for answer in answers[:3]] == [200, 200, 200]
    assert error_of(answers[3]) == (429, 5429)
    assert int(answers[3].headers["retry-after"]) > 0


async def test_a_key_needs_the_scope_and_a_stranger_a_key(people: People, person: Person) -> None:
    # CI-03, CI-51, CI-52
    reader = await people.add_key(person, Scope.IMAGES_READ)
    picture = {"file": make_jpeg(340, 200)}

    answers: list[httpx.Response] = []
    for who in (reader, None):
        async with people.client(who) as client:
            uploaded = await client.http.post(f"{IMAGES_PATH}/v1", files=picture)
            answers += [uploaded, await client.http.post(f"{IMAGES_PATH}/v2/direct_upload")]

    assert [error_of(answer) for answer in answers] == [(403, 9109)] * 2 + [(401, 10000)] * 2


@pytest.mark.parametrize(
    ("url", "number"),
    [
        ("ftp://example.org/a.jpg", 5454),
        ("file:///etc/passwd", 5454),
        ("example.org/a.jpg", 5454),
        ("http://127.0.0.1/a.jpg", 5400),
        ("http://169.254.169.254/latest/meta-data/", 5400),
        ("http://user:secret@example.org/a.jpg", 5400),
        ("http://example.org:8080/a.jpg", 5400),
    ],
)
async def test_a_url_that_is_not_of_the_public_internet_is_refused(client: Client, url: str, number: int) -> None:
    # CI-15, CI-61; what is fetched well is tried below HTTP: a running server goes nowhere near loopback
    answer = await client.http.post(f"{IMAGES_PATH}/v1", files={"url": (None, url), "id": (None, "from/afar")})

    assert error_of(answer) == (400, number)
    assert await count(client) == 0
    assert (await upload(client, make_jpeg(350, 200), id="from/afar"))["id"] == "from/afar"
