"""Clients of the PixelFlare face: what each test sends, in PixelFlare's own words."""

from typing import Any

import httpx

from tests.support.client import Client
from tests.support.http_client import open_http

# Answers are JSON whose shape each test knows: Any throughout this module.
Json = dict[str, Any]


async def create(client: Client, **fields: Any) -> Json:
    """A draft, with its `upload_url`."""
    answer = await client.http.post("/v1/images", json=fields)
    assert answer.status_code == 201, answer.text
    document: Json = answer.json()
    return document


async def put(upload_url: str, content: bytes) -> httpx.Response:
    """Send a file as somebody who has no credential but the address."""
    async with open_http() as nobody:
        return await nobody.put(upload_url, content=content, headers={"Content-Type": "image/jpeg"})


async def upload(client: Client, content: bytes, **fields: Any) -> Json:
    """A new image, as it is told when its bytes have come."""
    draft = await create(client, **fields)
    answer = await put(draft["upload_url"], content)
    assert answer.status_code == 201, answer.text
    return await read(client, f"/v1/images/{draft['id']}")


async def read(client: Client, path: str, **query: Any) -> Json:
    """A good answer's JSON."""
    answer = await client.http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    document: Json = answer.json()
    return document


async def list_ids(client: Client, **query: Any) -> list[str]:
    """The ids on one page of images."""
    return [image["id"] for image in (await read(client, "/v1/images", **query))["data"]]


def error_of(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and field of a refusal, all of whose shape is checked."""
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()
    assert set(error) == {"code", "message", "details"}
    assert error["message"]
    return answer.status_code, error["code"], error["details"].get("field")
