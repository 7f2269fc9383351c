"""Bytes in: every way of sending, who may send, and what is refused."""

import asyncio
from collections import Counter

import httpx
import pytest

from app.db.engine import utc_now
from app.services.uploads.leases import LEASE
from tests.support.client import Client
from tests.support.graphql_client import ask_image, ask_session, sha256_of, wait_session
from tests.support.pictures import make_jpeg, make_png
from tests.support.raw_http import open_wire, target_of
from tests.support.site import Site
from tests.support.site_logs import uploads_left
from tests.support.site_rows import change_session, let_expire, read_session
from tests.support.waiting import eventually

LIMIT_SLACK_BYTES = 64 * 1024


pytestmark = pytest.mark.usefixtures("quiet")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("part", ["file", "image"])
async def test_a_form_brings_the_file_in_either_part(client: Client, part: str) -> None:
    content = make_jpeg(301 + len(part), 200)
    session = await client.open_session(len(content))

    response = await client.send_form(session, content, part=part, filename="beach.jpg")

    assert response.status_code == 201
    image = await ask_image(client, session.image_id)
    assert (image["filename"], image["sha256"]) == ("beach.jpg", sha256_of(content))


async def test_a_form_may_have_other_fields_and_an_epilogue(client: Client, stranger: httpx.AsyncClient) -> None:
    content = make_jpeg(310, 200)
    session = await client.open_session(len(content))
    body = (
        b'--B\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="a b.jpg"\r\n\r\n' + content + b"\r\n--B\r\n"
        b'Content-Disposition: form-data; name="after"\r\n\r\nx\r\n--B--\r\nepilogue'
    )

    headers = {**bearer(session.token), "Content-Type": "multipart/form-data; boundary=B"}
    response = await stranger.post(session.upload_url, content=body, headers=headers)

    assert response.status_code == 201, response.text
    assert (await ask_image(client, session.image_id))["sha256"] == sha256_of(content)


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_the_one_time_url_needs_no_header(client: Client, stranger: httpx.AsyncClient, method: str) -> None:
    content = make_jpeg(320 + len(method), 200)
    session = await client.open_session(len(content))

    if method == "PUT":
        response = await stranger.put(session.one_time_url, content=content)
    else:
        response = await stranger.post(session.one_time_url, files={"file": ("a.jpg", content)})

    assert response.status_code == 201, response.text


async def test_the_one_time_url_works_beside_an_api_key_in_the_header(
    site: Site, client: Client, stranger: httpx.AsyncClient
) -> None:
    content = make_jpeg(325, 200)
    session = await client.open_session(len(content))

    response = await stranger.put(session.one_time_url, content=content, headers=bearer(site.key))

    assert response.status_code == 201, response.text


async def test_an_upload_answers_with_the_whole_resource(client: Client) -> None:
    content = make_jpeg(640, 480)
    session = await client.open_session(len(content), isNsfw=True)

    resource = (await client.send(session, content)).json()

    assert set(resource) == {
        *("image_uuid", "view_url", "url", "stable_url", "storage_url", "is_nsfw", "available_variants", "processing"),
        *("variants", "stable_variants", "storage_variants", "planned_variants", "duplicate"),
        *("id", "short_id", "cdn_url", "width", "height", "placeholder"),
    }
    assert (resource["width"], resource["height"], resource["is_nsfw"]) == (640, 480, True)
    assert resource["duplicate"] is False
    # A token is given to pages and guests: they need not know where the bytes lie.
    assert (resource["storage_url"], resource["storage_variants"]) == (None, {})
    assert resource["stable_variants"]["webp"]["medium"]["url"] == session.urls["WEBP", "medium"]
    assert resource["planned_variants"] == ["original", "webp", "avif"]
    # The verdict came within the answer, so that what stands in it already serves.
    assert resource["stable_variants"]["original"]["original"]["ready"] is True
    assert (await client.http.get(resource["url"])).status_code == 200


@pytest.mark.parametrize("kind", ["none", "wrong", "foreign", "key", "key header", "malformed id", "unknown session"])
async def test_a_sender_without_this_sessions_token_is_refused(
    site: Site, client: Client, stranger: httpx.AsyncClient, kind: str
) -> None:
    content = make_jpeg(330, 200)
    session, other = await client.open_session(len(content)), await client.open_session(len(content))
    headers = {
        "none": {},
        "wrong": bearer("slu_" + "x" * 43),
        "foreign": bearer(other.token),
        "key": bearer(site.key),
        "key header": {"X-API-Key": site.key},
        "malformed id": bearer(session.token),
        "unknown session": bearer(session.token),
    }[kind]
    ids = {"malformed id": "nonsense", "unknown session": other.image_id}
    url = session.upload_url.replace(session.id, ids.get(kind, session.id))

    response = await stranger.put(url, content=content, headers=headers)

    assert (response.status_code, response.json()["code"]) == (401, "UNAUTHORIZED")
    assert "www-authenticate" in response.headers
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert (await ask_session(client, session.id))["state"] == "OPEN"


async def test_an_expired_token_is_told_so(site: Site, client: Client) -> None:
    content = make_jpeg(331, 200)
    session = await client.open_session(len(content))
    await let_expire(site, session.id)

    response = await client.send(session, content)

    assert (response.status_code, response.json()["code"]) == (410, "UPLOAD_EXPIRED")
    assert (await ask_session(client, session.id))["state"] == "EXPIRED"


async def test_a_spent_session_takes_the_same_bytes_again_and_no_others(client: Client) -> None:
    content = make_jpeg(332, 200)
    session = await client.upload(content)

    again, other = await client.send(session, content), await client.send(session, content[:-1])

    assert (again.status_code, again.json()["id"]) == (200, session.image_id)
    assert again.json()["duplicate"] is False
    assert (other.status_code, other.json()["code"]) == (409, "UPLOAD_ALREADY_USED")


async def test_of_32_at_once_with_one_token_one_is_created(client: Client) -> None:
    content = make_jpeg(1200, 900, noise=True)
    session = await client.open_session(len(content))

    responses = await asyncio.gather(*(client.send(session, content) for _ in range(32)))

    statuses = Counter(response.status_code for response in responses)
    assert statuses[201] == 1
    assert set(statuses) <= {200, 201, 409}
    assert {r.json()["code"] for r in responses if r.status_code == 409} <= {"UPLOAD_ALREADY_USED"}
    assert {r.json()["id"] for r in responses if r.status_code != 409} == {session.image_id}


async def test_while_one_sends_others_are_refused_before_their_body_is_read(client: Client) -> None:
    content = make_jpeg(333, 200)
    session = await client.open_session(len(content))
    headers = {**bearer(session.token), "Content-Length": str(len(content))}
    async with open_wire(session.upload_url) as first, open_wire(session.upload_url) as second:
        await first.send_head("PUT", target_of(session.upload_url), headers)
        await first.send(content[:100])
        await wait_session(client, session, "RECEIVING")

        await second.send_head("PUT", target_of(session.upload_url), headers)
        refused = await second.read_answer()
        await first.send(content[100:])
        taken = await first.read_answer()

    assert (refused.status, refused.code) == (409, "UPLOAD_ALREADY_USED")
    assert taken.status == 201


async def test_a_silent_sender_loses_its_lease_to_another(site: Site, client: Client) -> None:
    content = make_jpeg(334, 200)
    session = await client.open_session(len(content))
    headers = {**bearer(session.token), "Content-Length": str(len(content))}
    begun_at = utc_now()
    async with open_wire(session.upload_url) as silent:
        await silent.send_head("PUT", target_of(session.upload_url), headers)
        await silent.send(content[:100])
        await wait_session(client, session, "RECEIVING")
        row, read_at = await read_session(site, session.id), utc_now()
        await change_session(site, session.id, lease_until=utc_now())

        other = await client.send(session, content)
        await silent.send(content[100:])
        late = await silent.read_answer()

    assert begun_at + LEASE <= row["lease_until"] <= read_at + LEASE  # type: ignore[operator]  # a moment
    assert other.status_code == 201, other.text
    assert (late.status, late.code) == (409, "UPLOAD_ALREADY_USED")


async def test_an_announced_length_over_the_limit_is_refused_before_the_body(client: Client) -> None:
    session = await client.open_session(1000)
    async with open_wire(session.upload_url) as wire:
        headers = {**bearer(session.token), "Content-Length": "1001"}
        await wire.send_head("PUT", target_of(session.upload_url), headers)
        answer = await wire.read_answer()

    assert (answer.status, answer.code) == (413, "FILE_TOO_LARGE")
    assert answer.json["details"] == {"maxBytes": 1000}


async def test_a_form_may_be_longer_than_its_file_by_64_kib(client: Client) -> None:
    session = await client.open_session(1000)
    headers = {**bearer(session.token), "Content-Type": "multipart/form-data; boundary=B"}
    async with open_wire(session.upload_url) as wire:
        length = {"Content-Length": str(1000 + LIMIT_SLACK_BYTES + 1)}
        await wire.send_head("POST", target_of(session.upload_url), {**headers, **length})
        answer = await wire.read_answer()

    assert (answer.status, answer.code) == (413, "FILE_TOO_LARGE")
    assert (await ask_session(client, session.id))["state"] == "OPEN"


async def test_a_chunked_body_is_cut_off_one_byte_over_the_limit(site: Site, client: Client) -> None:
    content = make_jpeg(335, 200)
    session = await client.open_session(len(content))
    headers = {**bearer(session.token), "Transfer-Encoding": "chunked"}
    async with open_wire(session.upload_url) as wire:
        await wire.send_head("PUT", target_of(session.upload_url), headers)
        await wire.send_chunk(content)
        await wire.send_chunk(b"x")
        # The body has not ended: the answer comes all the same.
        answer = await wire.read_answer()

    assert (answer.status, answer.code) == (413, "FILE_TOO_LARGE")
    told = await ask_session(client, session.id)
    assert (told["state"], told["error"]["code"]) == ("FAILED", "FILE_TOO_LARGE")
    assert told["error"]["details"] == {"maxBytes": len(content)}
    assert uploads_left(site) == []


async def test_a_file_part_over_the_limit_is_counted_without_its_form(client: Client) -> None:
    content = make_jpeg(336, 200)
    exact, short = await client.open_session(len(content)), await client.open_session(len(content) - 1)

    fits, too_long = await client.send_form(exact, content), await client.send_form(short, content)

    assert fits.status_code == 201
    assert (too_long.status_code, too_long.json()["code"]) == (413, "FILE_TOO_LARGE")


async def test_fewer_bytes_than_announced_are_fine(client: Client) -> None:
    content = make_png(337, 200)
    session = await client.open_session(len(content) * 10)

    response = await client.send(session, content)

    assert response.status_code == 201
    assert (await ask_session(client, session.id))["receivedBytes"] == len(content)


async def test_a_broken_connection_leaves_the_session_open_and_no_file(site: Site, client: Client) -> None:
    content = make_jpeg(338, 200)
    session = await client.open_session(len(content))
    headers = {**bearer(session.token), "Content-Length": str(len(content))}
    async with open_wire(session.upload_url) as wire:
        await wire.send_head("PUT", target_of(session.upload_url), headers)
        await wire.send(content[:500])
        await wait_session(client, session, "RECEIVING")
        wire.break_off()

    told = await wait_session(client, session, "OPEN")

    assert told["receivedBytes"] == 0
    await eventually(lambda: uploads_left(site) == [])
    assert (await client.send(session, content)).status_code == 201
