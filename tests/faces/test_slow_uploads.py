"""Slow lines: a body may take any time as long as bytes come; a silent one is refused, on every way in."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support import pixelflare_api
from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.cloudflare_api import IMAGES_PATH
from tests.support.pictures import make_jpeg
from tests.support.pixelfox_api import Fox
from tests.support.raw_http import open_wire, target_of
from tests.support.slink_api import slink_key_of
from tests.support.tus import PART
from tests.support.waiting import LIMIT_S

BYTES_PER_S = 50 * 1024
PAUSE_S = 0.5


async def test_bodies_that_take_longer_than_the_window_are_taken(people: People, client: Client, fox: Fox) -> None:
    await _send_all_slowly(people, client, fox, seconds=24)


@pytest.mark.full("a minute of sending; `make test` sends for 24 s")
async def test_bodies_that_take_a_minute_are_taken(people: People, client: Client, fox: Fox) -> None:
    await _send_all_slowly(people, client, fox, seconds=60)


async def test_silent_bodies_are_refused_and_their_sessions_stay_open(people: People, client: Client) -> None:
    content = make_jpeg(400, 300, noise=True)
    session = await client.open_session(len(content))
    targets = {
        "PUT": (target_of(session.upload_url), {"Authorization": f"Bearer {session.token}"}),
        "POST": ("/graphql", {"Content-Type": "application/json"}),
    }

    async def stall(method: str) -> int:
        target, headers = targets[method]
        async with open_wire(people.site.base_url) as wire:
            await wire.send_head(method, target, {**headers, "Content-Length": str(len(content))})
            await wire.send(content[:1000])
            answer = await wire.read_answer()
        assert b"too slowly" in answer.body
        return answer.status

    assert await asyncio.gather(*(stall(method) for method in targets)) == [400, 400]
    assert (await client.send(session, content)).status_code == 201


async def _send_all_slowly(people: People, client: Client, fox: Fox, *, seconds: int) -> None:
    size = seconds * BYTES_PER_S
    # Equal files of one account would be answered as duplicates.
    contents = [_fill(make_jpeg(640 + number, 480), size) for number in range(7)]
    slink_key = await slink_key_of(people, await people.add())
    async with Client(people.site.base_url, slink_key) as slink, httpx.AsyncClient(timeout=LIMIT_S) as http:
        put, form, tus = [await client.open_session(size) for _ in range(3)]
        draft = await pixelflare_api.create(client)
        session = await fox.open(size)
        requests = [
            http.build_request("PUT", put.upload_url, headers=_bearer(put.token), content=contents[0]),
            http.build_request("POST", form.upload_url, headers=_bearer(form.token), files=_file(contents[1])),
            http.build_request("PATCH", tus.upload_url, headers=_tus(tus.token), content=contents[2]),
            http.build_request("PUT", draft["upload_url"], headers={"Content-Type": "image/jpeg"}, content=contents[3]),
            http.build_request(
                "POST", session["upload_url"], headers=_bearer(session["token"]), files=_file(contents[4])
            ),
            client.http.build_request("POST", f"{IMAGES_PATH}/v1", files=_file(contents[5])),
            slink.http.build_request("POST", "/api/upload", files={"image": ("beach.jpg", contents[6])}),
        ]
        answers = await asyncio.gather(*(_send_slowly(http, request) for request in requests))

    statuses = [answer.status_code for answer in answers]
    assert statuses == [201, 201, 204, 201, 200, 200, 201], [answer.text for answer in answers]


async def _send_slowly(http: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    body = request.read()

    async def drip() -> AsyncIterator[bytes]:
        step = int(BYTES_PER_S * PAUSE_S)
        for start in range(0, len(body), step):
            yield body[start : start + step]
            await asyncio.sleep(PAUSE_S)

    return await http.request(request.method, request.url, headers=request.headers, content=drip())


def _fill(jpeg: bytes, byte_size: int) -> bytes:
    """The same image with comments, close to that size and not above."""
    comment = b"\xff\xfe\x80\x00" + bytes(0x8000 - 2)
    return jpeg[:2] + comment * ((byte_size - len(jpeg)) // len(comment)) + jpeg[2:]


def _file(content: bytes) -> dict[str, tuple[str, bytes]]:
    return {"file": ("beach.jpg", content)}


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _tus(token: str) -> dict[str, str]:
    return {**PART, **_bearer(token), "Upload-Offset": "0"}
