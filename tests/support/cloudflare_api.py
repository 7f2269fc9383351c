"""Clients of the Cloudflare face: the official SDK, and plain requests in Cloudflare's own words."""

import hashlib
import hmac
import time
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from cloudflare import AsyncCloudflare

from tests.support.client import Client
from tests.support.http_client import open_http
from tests.support.residents import Person
from tests.support.site import Site
from tests.support.waiting import LIMIT_S

# Answers are JSON whose shape each test knows: Any throughout this module.
Json = dict[str, Any]

ACCOUNT = "023e105f4ecef8ad9ca31a8372d0c353"
"""As Cloudflare writes them; whose images these are the token says."""
IMAGES_PATH = f"/client/v4/accounts/{ACCOUNT}/images"
ENVELOPE = {"success": True, "errors": [], "messages": []}


def sdk_of(site: Site, person: Person, *, retries: int = 0) -> AsyncCloudflare:
    """Cloudflare's own client, of which nothing but the base URL and its patience is changed."""
    base_url = f"{site.base_url}/client/v4"
    return AsyncCloudflare(api_token=person.key, base_url=base_url, max_retries=retries, timeout=LIMIT_S)


async def ask(client: Client, method: str, path: str, **more: Any) -> Any:
    """The result of a request that must go well, below `…/images`, in an envelope that is whole."""
    answer = await client.http.request(method, IMAGES_PATH + path, **more)
    assert answer.status_code == 200, answer.text
    return result_of(answer)


def result_of(answer: httpx.Response) -> Any:
    """What an envelope holds."""
    body = answer.json()
    assert {name: body[name] for name in ENVELOPE} == ENVELOPE
    return body["result"]


async def upload(client: Client, content: bytes, **fields: str) -> Json:
    """A new image, from a form with these fields."""
    made: Json = await ask(client, "POST", "/v1", files={"file": ("beach.jpg", content)}, data=fields)
    return made


async def send(upload_url: str, content: bytes, **more: Any) -> httpx.Response:
    """Send a file to a one-time URL, as somebody who has no credential."""
    async with open_http() as nobody:
        return await nobody.post(upload_url, files={"file": ("mine.jpg", content)}, **more)


async def fetch(url: str, **more: Any) -> httpx.Response:
    """What a delivery URL serves to anyone."""
    async with open_http() as nobody:
        return await nobody.get(url, **more)


def sign(url: str, key: str, *, for_s: int = 3_600) -> str:
    """The address as Cloudflare's documentation signs it."""
    path, query = urlsplit(url).path, f"exp={int(time.time()) + for_s}"
    digest = hmac.new(key.encode(), f"{path}?{query}".encode(), hashlib.sha256).hexdigest()
    return f"{url}?{query}&sig={digest}"


def path_of(image_id: str) -> str:
    """Where an image is below `…/images`; its id fully encoded, as Cloudflare asks for."""
    return f"/v1/{quote(image_id, safe='')}"


def error_of(answer: httpx.Response) -> tuple[int, int]:
    """Status and number of a refusal, all of whose shape is checked."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert {**body, "errors": None} == {"result": None, "success": False, "errors": None, "messages": []}
    [error] = body["errors"]
    assert set(error) == {"code", "message"}
    assert error["message"]
    assert isinstance(error["code"], int)
    return answer.status_code, error["code"]
