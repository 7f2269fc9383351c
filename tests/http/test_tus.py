"""Resumable uploads by hand: what clients do not do, and what breaks in between."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.further_api import further_api, wait_serving
from tests.support.graphql_client import ask_session, follow_session, wait_session
from tests.support.http_client import open_http
from tests.support.raw_http import open_wire, target_of
from tests.support.site import Site
from tests.support.tus import PART, TUS, head, key_of, patch, picture
from tests.support.waiting import eventually

pytestmark = pytest.mark.usefixtures("quiet")


async def test_an_upload_goes_on_at_once_after_its_server_was_killed(site: Site) -> None:
    """The part that comes when the server dies holds a lease; its client needs not wait until that runs out."""
    content = picture(20)
    with further_api(site) as served:
        async with served.client() as client:
            session = await client.open_session(len(content))
            async with open_wire(served.base_url) as wire:
                headers = {**PART, "Upload-Offset": "0", "Content-Length": str(len(content))}
                await wire.send_head("PATCH", target_of(session.one_time_url), headers)
                await wire.send(content[:140_000])
                part = site.data_dir / "tmp" / "partial" / session.id
                await eventually(partial(_has_bytes, part))
                busy = await patch(client, session, part.stat().st_size, b"x")
                state = (await ask_session(client, session.id))["state"]
                served.apis[0].kill()
            served.apis[0].start()
            wait_serving(served)

            # A part that waits for the lease is refused as `busy` was.
            offset = int((await head(client, session)).headers["Upload-Offset"])
            answer = await patch(client, session, offset, content[offset:])

    assert (busy.status_code, busy.json()["code"], state) == (409, "UPLOAD_ALREADY_USED", "RECEIVING")
    assert 0 < offset < len(content)
    assert (answer.status_code, answer.headers["Image-Id"]) == (204, session.image_id)


async def test_a_part_that_breaks_off_is_kept_and_one_with_a_checksum_is_not(site: Site, client: Client) -> None:
    content = picture(21)
    offsets = []
    for checksum in ({}, {"Upload-Checksum": "sha256 " + base64.b64encode(hashlib.sha256(content).digest()).decode()}):
        session = await client.open_session(len(content))
        async with open_wire(site.base_url) as wire:
            target = target_of(session.one_time_url)
            headers = {**PART, "Upload-Offset": "0", "Content-Length": str(len(content)), **checksum}
            await wire.send_head("PATCH", target, headers)
            await wire.send(content[:140_000])
            await wait_session(client, session, "RECEIVING")
            if not checksum:
                # What the server has not read when the connection ends never came.
                await eventually(partial(_has_bytes, site.data_dir / "tmp" / "partial" / session.id))
        told = await wait_session(client, session, "OPEN")
        offsets.append((int((await head(client, session)).headers["Upload-Offset"]), told["receivedBytes"]))

    assert offsets[0][0] == offsets[0][1] > 0
    assert offsets[1] == (0, 0)


async def test_the_last_byte_counts_when_an_image_has_it(site: Site, client: Client) -> None:
    """A process may die between the last byte and the image: its client must come back."""
    content = picture(22)
    session = await client.open_session(len(content))
    await patch(client, session, 0, content[:-1])
    (site.data_dir / "tmp" / "partial" / session.id).write_bytes(content)

    offset = (await head(client, session)).headers["Upload-Offset"]
    answer = await patch(client, session, len(content) - 1, content[-1:])

    assert offset == str(len(content) - 1)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(len(content)))


async def test_a_duplicate_names_the_image_that_was_there(client: Client) -> None:
    content = picture(23)
    first = await client.upload(content)
    session = await client.open_session(len(content))

    answer = await patch(client, session, 0, content)

    assert answer.headers["Image-Id"] == first.image_id


async def test_watchers_see_the_parts_come(client: Client) -> None:
    content = picture(24)
    session = await client.open_session(len(content))
    watching = asyncio.create_task(follow_session(client, session))

    for start in range(0, len(content), 60_000):
        await patch(client, session, start, content[start : start + 60_000])
    events = await watching

    received = [event["receivedBytes"] for event in events]
    assert received == sorted(received)
    assert received[-1] == len(content)
    assert {"OPEN", "COMPLETED"} <= {event["state"] for event in events}


async def test_both_ways_of_one_session_exclude_each_other(client: Client) -> None:
    content = picture(25)
    session = await client.open_session(len(content))
    await patch(client, session, 0, content[:1000])

    whole = await client.send(session, content)
    rest = await patch(client, session, 1000, content[1000:])

    assert (whole.status_code, rest.status_code) == (201, 409)
    assert (await head(client, session)).headers["Image-Id"] == session.image_id


@pytest.mark.parametrize(
    ("more", "status", "field"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412, "Tus-Resumable"),
        ({"Tus-Resumable": ""}, 412, "Tus-Resumable"),
        ({"Content-Type": "image/jpeg"}, 415, "Content-Type"),
        ({"Upload-Offset": "1"}, 409, "Upload-Offset"),
        ({"Upload-Offset": "-1"}, 400, "Upload-Offset"),
        ({"Upload-Offset": "0x0"}, 400, "Upload-Offset"),
        ({"Upload-Offset": "٣"}, 400, "Upload-Offset"),
        ({"Upload-Offset": ""}, 400, "Upload-Offset"),
        ({"Upload-Offset": "9" * 400}, 413, "Upload-Offset"),
        ({"Upload-Checksum": "crc32 AAAA"}, 400, "Upload-Checksum"),
        ({"Upload-Checksum": "sha1"}, 460, None),
        ({"Upload-Checksum": "sha1 *"}, 400, "Upload-Checksum"),
        ({"Upload-Checksum": "sha1 " + "A" * 30_000}, 460, None),
    ],
)
async def test_hostile_parts_change_nothing(
    client: Client, more: dict[str, str], status: int, field: str | None
) -> None:
    session = await client.open_session(5000)
    headers = {name.encode(): value.encode() for name, value in {**PART, "Upload-Offset": "0", **more}.items()}

    answer = await client.http.patch(session.one_time_url, content=picture(26)[:100], headers=headers)

    assert (answer.status_code, answer.json()["details"].get("field")) == (status, field)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert (await head(client, session)).headers["Upload-Offset"] == "0"
    assert (await ask_session(client, session.id))["state"] == "OPEN"


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"Upload-Length": "0"}, 400, "INVALID_REQUEST"),
        ({"Upload-Length": "-5"}, 400, "INVALID_REQUEST"),
        ({"Upload-Length": "1e3"}, 400, "INVALID_REQUEST"),
        ({"Upload-Length": str(10**12)}, 413, "FILE_TOO_LARGE"),
        ({"Upload-Length": "9" * 300}, 413, "FILE_TOO_LARGE"),
        ({"Upload-Defer-Length": "1"}, 400, "INVALID_REQUEST"),
        ({"Upload-Metadata": "filename"}, 201, None),
        ({"Upload-Metadata": "filename ***"}, 400, "INVALID_REQUEST"),
        ({"Upload-Metadata": "a YQ==,a YQ=="}, 400, "INVALID_REQUEST"),
        ({"Upload-Metadata": "a YQ==,,b YQ=="}, 400, "INVALID_REQUEST"),
        ({"Upload-Metadata": "filename /////w=="}, 400, "INVALID_REQUEST"),
        ({"Upload-Metadata": f"title {base64.b64encode(b'x' * 300).decode()}"}, 400, "INVALID_REQUEST"),
        ({"Upload-Metadata": "visibility c2VjcmV0"}, 400, "INVALID_REQUEST"),
        ({"Upload-Metadata": "sha256 YWJj"}, 400, "INVALID_REQUEST"),
        ({"X-API-Key": "sl_unknown"}, 401, "UNAUTHORIZED"),
        ({"X-API-Key": "", "Authorization": ""}, 401, "UNAUTHORIZED"),
    ],
)
async def test_what_opens_a_session_is_checked(site: Site, more: dict[str, str], status: int, code: str | None) -> None:
    async with open_http() as http:
        headers = {**TUS, **key_of(site), "Upload-Length": "100", **more}
        answer = await http.post(f"{site.base_url}/upload", headers=headers)

    assert (answer.status_code, answer.json()["code"] if code else None) == (status, code)


async def test_more_bytes_than_announced_are_refused_and_the_session_stays_open(client: Client) -> None:
    content = picture(27)
    session = await client.open_session(1000)

    announced = await patch(client, session, 0, content[:1001])
    chunked = await client.http.patch(
        session.one_time_url, content=_chunks(content[:1001]), headers={**PART, "Upload-Offset": "0"}
    )

    assert [(answer.status_code, answer.json()["code"]) for answer in (announced, chunked)] == [
        (413, "FILE_TOO_LARGE")
    ] * 2
    assert (await ask_session(client, session.id))["state"] == "OPEN"


async def test_a_foreign_token_and_none_are_refused_alike(client: Client) -> None:
    session, other = await client.open_session(1000), await client.open_session(1000)
    answers = []

    for token in (None, other.token, "slu_nonsense", client.key):
        headers = {**TUS, **({"Authorization": f"Bearer {token}"} if token else {})}
        async with open_http() as http:
            answers += [
                await http.request(method, session.upload_url, headers=headers) for method in ("HEAD", "DELETE")
            ]

    assert {answer.status_code for answer in answers} == {401}
    assert (await ask_session(client, session.id))["state"] == "OPEN"


async def test_the_server_says_what_it_can_do_and_pages_of_other_origins_may_ask(site: Site, client: Client) -> None:
    session = await client.open_session(1000)
    preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "PATCH"}

    async with open_http() as http:
        answers = [
            await http.options(url, headers=preflight) for url in (f"{site.base_url}/upload", session.upload_url)
        ]

    for answer in answers:
        assert (answer.status_code, answer.headers["Tus-Version"]) == (204, "1.0.0")
        assert answer.headers["Tus-Extension"] == "creation,termination,expiration,checksum"
        assert answer.headers["Tus-Checksum-Algorithm"].startswith("sha1")
        assert int(answer.headers["Tus-Max-Size"]) > 0
        assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
        assert {"upload-offset", "tus-resumable", "authorization"} <= {
            name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")
        }
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_post_may_stand_for_the_other_methods(client: Client) -> None:
    content = picture(28)
    session = await client.open_session(len(content))

    sent = await client.http.post(
        session.one_time_url, content=content, headers={**PART, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    )

    assert (sent.status_code, sent.headers["Image-Id"]) == (204, session.image_id)


async def test_an_ended_upload_cannot_be_ended_again(client: Client) -> None:
    content = picture(29)
    complete, ended = await client.upload(content), await client.open_session(1000)
    await client.http.delete(ended.one_time_url, headers=TUS)

    answers = [await client.http.delete(session.one_time_url, headers=TUS) for session in (complete, ended)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (409, "UPLOAD_ALREADY_USED"),
        (410, "UPLOAD_EXPIRED"),
    ]


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content[:500]
    yield content[500:]


def _has_bytes(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
