"""What a client of Safelight does, in a few lines each: open a session, send a file, watch, fetch."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.support.http_client import open_http
from tests.support.servers.prepared import API_KEY
from tests.support.waiting import LIMIT_S

PROTOCOL = Subprotocol("graphql-transport-ws")
# A busy machine may answer neither a handshake nor a ping in the time that websockets grants.
UNHURRIED: dict[str, Any] = {"open_timeout": LIMIT_S, "ping_interval": None, "close_timeout": LIMIT_S}
# Answers are JSON whose shape each test knows: Any throughout this module.

OPEN_SESSION = """
mutation ($input: CreateUploadSessionInput!) {
  createUploadSession(input: $input) {
    session { id token uploadUrl oneTimeUrl maxBytes state image { id stableVariants { family size url ready } } }
    duplicate
  }
}
"""
WATCH = """
subscription ($id: ID!, $after: Int) {
  stableVariants(imageId: $id, after: $after) {
    revision complete failed progress { total ready failed }
    changed { family size state ready url }
    stableVariants { family size state ready url version width height contentType error { code } }
    image { id state placeholder { thumbhash dominantColor dataUri } width height }
  }
}
"""


@dataclass
class GraphQLFailure(Exception):
    """An answer with errors."""

    errors: list[dict[str, Any]]

    @property
    def code(self) -> str:
        """The code of the one error."""
        assert len(self.errors) == 1, self.errors
        return str(self.errors[0]["extensions"]["code"])


@dataclass(frozen=True)
class OpenSession:
    """A session as its opener knows it."""

    id: str
    token: str
    upload_url: str
    one_time_url: str
    image_id: str
    urls: dict[tuple[str, str], str]


class Client:
    """Talks to one API as the account of `key`; without a credential where that is None."""

    def __init__(self, base_url: str, key: str | None = API_KEY, *, timeout_s: float = LIMIT_S) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.base_url = base_url
        self.key = key
        self.http = open_http(base_url, headers=headers, timeout_s=timeout_s)

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation; raises `GraphQLFailure` where there are errors."""
        response = await self.http.post("/graphql", json={"query": query, "variables": variables})
        body = response.json()
        if body.get("errors"):
            raise GraphQLFailure(body["errors"])
        data: dict[str, Any] = body["data"]
        return data

    async def open_session(self, file_bytes: int, **more: Any) -> OpenSession:
        """A new session for a file of this size; `more` are fields of CreateUploadSessionInput."""
        data = await self.ask(OPEN_SESSION, input={"fileSize": file_bytes, **more})
        session = data["createUploadSession"]["session"]
        variants = session["image"]["stableVariants"]
        return OpenSession(
            session["id"],
            session["token"],
            session["uploadUrl"],
            session["oneTimeUrl"],
            session["image"]["id"],
            {(variant["family"], variant["size"]): variant["url"] for variant in variants},
        )

    async def send(self, session: OpenSession, content: bytes, *, token: str | None = None) -> httpx.Response:
        """PUT the bytes as they are."""
        headers = {"Authorization": f"Bearer {token or session.token}"}
        return await self.http.put(session.upload_url, content=content, headers=headers)

    async def send_form(
        self, session: OpenSession, content: bytes, *, part: str = "file", filename: str = "picture.jpg"
    ) -> httpx.Response:
        """POST the bytes as a form."""
        headers = {"Authorization": f"Bearer {session.token}"}
        return await self.http.post(session.upload_url, files={part: (filename, content)}, headers=headers)

    async def upload(self, content: bytes, **more: Any) -> OpenSession:
        """Open a session and send its file, which must be taken."""
        session = await self.open_session(len(content), **more)
        response = await self.send(session, content)
        assert response.status_code in {200, 201}, response.text
        return session

    async def watch(
        self, image_id: str, *, after: int | None = None, token: str | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Every event of stableVariants to its end; raises `GraphQLFailure` where it ends with an error."""
        async with self.socket(token=token) as socket:
            variables = {"id": image_id, "after": after}
            await socket.send(_frame("subscribe", {"query": WATCH, "variables": variables}))
            async for event in follow(socket):
                yield event["stableVariants"]

    async def wait_complete(self, image_id: str) -> dict[str, Any]:
        """The last event of stableVariants."""
        last: dict[str, Any] | None = None
        async for event in self.watch(image_id):
            last = event
        assert last is not None
        return last

    @asynccontextmanager
    async def socket(self, *, token: str | None = None) -> AsyncIterator[ClientConnection]:
        """A graphql-transport-ws connection that has been acknowledged."""
        secret = token or self.key
        payload = {"Authorization": f"Bearer {secret}"} if secret else {}
        url = self.base_url.replace("http", "ws", 1) + "/graphql"
        async with connect(url, subprotocols=[PROTOCOL], max_size=2**22, **UNHURRIED) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            yield socket


async def get_when_ready(http: httpx.AsyncClient, url: str, **headers: str) -> httpx.Response:
    """GET what is being made, held until it is there; asked again where a busy machine does not make it in time."""
    while (answer := await http.get(url, params={"wait": "30"}, headers=headers)).status_code == 503:
        assert answer.json()["code"] == "VARIANT_NOT_READY"
    return answer


async def follow(socket: ClientConnection) -> AsyncIterator[dict[str, Any]]:
    """The data of each event of the one subscription on a socket."""
    async for text in socket:
        message = json.loads(text)
        if message["type"] == "complete":
            return
        if message["type"] == "error":
            raise GraphQLFailure(message["payload"])
        if message["type"] == "next":
            if message["payload"].get("errors"):
                raise GraphQLFailure(message["payload"]["errors"])
            yield message["payload"]["data"]


def _frame(kind: str, payload: dict[str, Any]) -> str:
    return json.dumps({"id": "1", "type": kind, "payload": payload})
