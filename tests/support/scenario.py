"""The main flow as a client goes it, over real HTTP and a real socket: open a session, watch, send, fetch."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

OPEN = """mutation ($input: CreateUploadSessionInput!) {
  createUploadSession(input: $input) {
    session { uploadUrl token image { id stableVariants { url ready } } }
  }
}"""
WATCH = """subscription ($id: ID!) {
  stableVariants(imageId: $id) { revision complete failed progress { ready total } stableVariants { url ready } }
}"""

Json = dict[str, Any]  # Any: what a server answered, looked into key by key


@dataclass(frozen=True, slots=True)
class Journey:
    """What a client saw."""

    image_id: str
    events: list[Json]
    urls: list[str]
    """Addresses that were given before the first byte was sent."""


async def ask(base_url: str, key: str, query: str, variables: Json | None = None) -> Json:
    """One operation over HTTP; an error in the answer is an error here."""
    async with httpx.AsyncClient(base_url=base_url, timeout=10) as client:
        body = {"query": query, "variables": variables or {}}
        answer = await client.post("/graphql", json=body, headers={"Authorization": f"Bearer {key}"})
    content = answer.json()
    assert "errors" not in content, content
    return dict(content["data"])


async def travel(base_url: str, key: str, picture: bytes, *, within_s: float = 30) -> Journey:
    """Open, subscribe before a byte is sent, send, and follow the events to their end."""
    opened = await ask(base_url, key, OPEN, {"input": {"fileSize": len(picture), "filename": "a.jpg"}})
    session = opened["createUploadSession"]["session"]
    image = session["image"]
    first_event = asyncio.Event()
    async with asyncio.timeout(within_s):
        watching = asyncio.create_task(_watch(base_url, key, image["id"], first_event))
        await first_event.wait()
        async with httpx.AsyncClient(timeout=10) as client:
            headers = {"Authorization": f"Bearer {session['token']}"}
            sent = await client.put(session["uploadUrl"], content=picture, headers=headers)
        assert sent.status_code == 201, sent.text
        events = await watching
    return Journey(image["id"], events, [variant["url"] for variant in image["stableVariants"]])


async def _watch(base_url: str, key: str, image_id: str, first_event: asyncio.Event) -> list[Json]:
    events: list[Json] = []
    address = base_url.replace("http", "ws", 1) + "/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {key}"}}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        payload = {"query": WATCH, "variables": {"id": image_id}}
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        while (message := json.loads(await socket.recv()))["type"] != "complete":
            if message["type"] == "next":
                events.append(message["payload"]["data"]["stableVariants"])
                first_event.set()
            assert message["type"] in {"next", "ping"}, message
    return events
