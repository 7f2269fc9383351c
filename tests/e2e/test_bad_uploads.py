"""What is refused at the upload endpoint, with which code, and what it leaves behind: nothing."""

import asyncio
import zlib

import httpx
import pytest

from tests.support.client import Client, GraphQLFailure, OpenSession
from tests.support.graphql_client import ask_session, sha256_of
from tests.support.pictures import join_png, make_jpeg
from tests.support.raw_http import open_wire, target_of
from tests.support.site import Site
from tests.support.site_logs import uploads_left
from tests.support.site_rows import read_image
from tests.support.waiting import LIMIT_S, eventually

PART = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
PICTURE = make_jpeg(350, 200)


pytestmark = pytest.mark.usefixtures("quiet")


async def post(session: OpenSession, body: bytes, content_type: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {session.token}"}
    headers["Content-Type"] = content_type or "multipart/form-data; boundary=B"
    async with httpx.AsyncClient(timeout=LIMIT_S) as client:
        return await client.post(session.upload_url, content=body, headers=headers)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"--B--\r\n", "INVALID_REQUEST", "file"),
        (PART.replace(b"file", b"picture", 1) + b"x\r\n--B--\r\n", "INVALID_REQUEST", "file"),
        (PART + PICTURE + b"\r\n" + PART + PICTURE + b"\r\n--B--\r\n", "INVALID_REQUEST", "file"),
        (PART + PICTURE + b"\r\n" + PART.replace(b"file", b"image", 1) + b"x\r\n--B--", "INVALID_REQUEST", "file"),
        (PART + PICTURE, "UPLOAD_INCOMPLETE", None),
        (PART + PICTURE + b"\r\n--B", "UPLOAD_INCOMPLETE", None),
        (PART[:40], "UPLOAD_INCOMPLETE", None),
        (b"", "UPLOAD_INCOMPLETE", None),
        (b"--C\r\nnothing of the kind", "INVALID_REQUEST", "body"),
        (b"--B\r\nno header at all\r\n\r\nx\r\n--B--", "INVALID_REQUEST", "body"),
        (b"--B\r\nX-Long: " + b"a" * 65_536 + b"\r\n\r\nx\r\n--B--", "INVALID_REQUEST", "body"),
        (b"--B\r\n" + b"X-Many: 1\r\n" * 5_000 + b"\r\nx\r\n--B--", "INVALID_REQUEST", "body"),
        (b'--B\r\nContent-Disposition: form-data; name="other"\r\n\r\n' + b"x" * 66_000, "INVALID_REQUEST", "body"),
        (PART + PICTURE + b"\r\n--B--" + b"x" * 66_000, "INVALID_REQUEST", "body"),
    ],
    ids=[
        *("no part", "no file", "two files", "file and image", "no end", "half an end", "half a header", "nothing"),
        *("wrong boundary", "malformed header", "long header", "many headers", "long field", "long epilogue"),
    ],
)
async def test_a_form_that_is_none_is_refused_and_the_session_stays_open(
    client: Client, body: bytes, code: str, field: str | None
) -> None:
    session = await client.open_session(100_000)

    response = await post(session, body)

    assert (response.status_code, response.json()["code"]) == (400, code)
    assert response.json()["details"].get("field") == field
    assert (await ask_session(client, session.id))["state"] == "OPEN"
    assert (await client.send(session, PICTURE)).status_code in {200, 201}


@pytest.mark.parametrize(
    "content_type",
    [
        *("image/jpeg", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=B"),
        *("multipart/form-data; boundary=" + "B" * 300, "application/x-www-form-urlencoded", "multipart/form-data;;="),
    ],
)
async def test_a_post_that_announces_no_form_is_refused(client: Client, content_type: str) -> None:
    session = await client.open_session(100_000)

    response = await post(session, PART + PICTURE + b"\r\n--B--\r\n", content_type)

    assert (response.status_code, response.json()["code"]) == (400, "INVALID_REQUEST")
    assert response.json()["details"] == {"field": "Content-Type"}
    assert (await ask_session(client, session.id))["state"] == "OPEN"


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"BM" + bytes(100), b"II*\0" + bytes(100), b"\0" * 5_000],
    ids=["empty", "short", "svg", "bmp", "tiff", "zeroes"],
)
async def test_bytes_of_no_picture_are_refused_and_spend_the_session(
    site: Site, client: Client, content: bytes
) -> None:
    session = await client.open_session(100_000)

    response = await client.send_form(session, content, filename="holiday.jpg")

    assert (response.status_code, response.json()["code"]) == (415, "INVALID_FILE_TYPE")
    assert set(response.json()["details"]) == {"detected", "allowed"}
    await _assert_refused(site, client, session, "INVALID_FILE_TYPE")


async def test_more_pixels_than_the_budget_are_refused_from_the_header(site: Site, client: Client) -> None:
    header = (20_000).to_bytes(4, "big") + (20_000).to_bytes(4, "big") + b"\x08\x02\0\0\0"
    content = join_png([(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")])
    session = await client.open_session(100_000)

    response = await client.send(session, content)

    assert (response.status_code, response.json()["code"]) == (413, "IMAGE_TOO_LARGE")
    await _assert_refused(site, client, session, "IMAGE_TOO_LARGE")


async def test_undecodable_bytes_are_refused_there_and_then(site: Site, client: Client) -> None:
    content = make_undecodable()
    session = await client.open_session(len(content))

    response = await client.send(session, content)

    assert (response.status_code, response.json()["code"]) == (422, "INVALID_IMAGE")
    await _assert_refused(site, client, session, "INVALID_IMAGE")
    objects = site.data_dir / "objects"  # which is absent where the store is S3

    def is_empty() -> bool:
        return not [path for path in objects.glob(f"*/*/{session.image_id}/**/*") if path.is_file()]

    # Folders go while they are listed.
    await eventually(is_empty, ignoring=(FileNotFoundError,))


async def test_undecodable_bytes_many_times_at_once_are_refused_each_time(client: Client) -> None:
    content = make_undecodable(b"again")
    sessions = [await client.open_session(len(content)) for _ in range(6)]

    responses = await asyncio.gather(*(client.send(session, content) for session in sessions))

    assert {(r.status_code, r.json()["code"]) for r in responses} == {(422, "INVALID_IMAGE")}


async def test_other_bytes_than_those_announced_are_refused(site: Site, client: Client) -> None:
    session = await client.open_session(100_000, sha256=sha256_of(b"something else"))

    response = await client.send(session, make_jpeg(351, 200))

    assert (response.status_code, response.json()["code"]) == (400, "CHECKSUM_MISMATCH")
    await _assert_refused(site, client, session, "CHECKSUM_MISMATCH")


async def test_the_announced_bytes_are_taken(client: Client) -> None:
    content = make_jpeg(352, 200)
    session = await client.open_session(len(content), sha256=sha256_of(content))

    assert (await client.send(session, content)).status_code == 201


@pytest.mark.parametrize("length", ["-1", "1e3", "９", "99999999999999999999"])
async def test_a_length_that_is_none_is_no_fault(client: Client, length: str) -> None:
    session = await client.open_session(1000)
    async with open_wire(session.upload_url) as wire:
        head = f"PUT {target_of(session.one_time_url)} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        await wire.send(head.encode())
        answer = await wire.read_answer(has_body=False)

    assert answer.status in {400, 413}


@pytest.mark.parametrize("method", ["GET", "TRACE", "MOVE"])
async def test_other_methods_are_refused(client: Client, method: str) -> None:
    session = await client.open_session(1000)

    response = await client.http.request(method, session.upload_url)

    assert response.status_code == 405
    assert set(response.headers["allow"].replace(" ", "").split(",")) >= {"POST", "PUT"}
    assert response.json()["code"] == "INVALID_REQUEST"


def make_undecodable(salt: bytes = b"") -> bytes:
    """A PNG whose headers are good and whose pixels cannot be inflated."""
    header = (64).to_bytes(4, "big") + (48).to_bytes(4, "big") + b"\x08\x02\0\0\0"
    return join_png([(b"IHDR", header), (b"IDAT", b"this is no zlib stream " + salt), (b"IEND", b"")])


async def _assert_refused(site: Site, client: Client, session: OpenSession, code: str) -> None:
    told = await ask_session(client, session.id)
    assert (told["state"], told["error"]["code"]) == ("FAILED", code)
    assert told["error"]["message"]
    assert told["image"]["state"] == "AWAITING_UPLOAD"
    row = await read_image(site, session.image_id)
    assert (row["upload_key"], row["sha256"], row["dedupe_key"]) == (None, None, None)
    assert uploads_left(site) == []
    again = await client.send(session, PICTURE)
    assert (again.status_code, again.json()["code"]) == (409, "UPLOAD_ALREADY_USED")
    with pytest.raises(GraphQLFailure) as failure:
        [event async for event in client.watch(session.image_id)]
    assert failure.value.code == code
    listed = await client.ask("{ images(first: 100) { nodes { id } } }")
    assert session.image_id not in {node["id"] for node in listed["images"]["nodes"]}
    urls = [await client.http.get(url) for url in session.urls.values()]
    assert {response.status_code for response in urls} == {404}
