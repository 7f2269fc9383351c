"""Send one picture and watch it become ready, with httpx and websockets alone: SAFELIGHT_KEY=sl_… upload.py FILE"""

# ruff: noqa: T201, ASYNC240  (it prints, and reads its one small file while nothing else waits)

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

URL = os.environ.get("SAFELIGHT_URL", "http://127.0.0.1:8000")
CREDENTIALS = {"Authorization": f"Bearer {os.environ['SAFELIGHT_KEY']}"}
PROTOCOL = Subprotocol("graphql-transport-ws")

OPEN_SESSION = """
mutation ($input: CreateUploadSessionInput!) {
  createUploadSession(input: $input) { session { token uploadUrl image { id } } }
}
"""
WATCH = """
subscription ($id: ID!) {
  stableVariants(imageId: $id) { complete changed { url ready } }
}
"""


async def watch(image_id: str, is_watching: asyncio.Event) -> str | None:
    """Print each change until the image is complete; what went wrong, if anything did.

    `is_watching` is set by the first message.
    """
    async with connect(f"ws{URL.removeprefix('http')}/graphql", subprotocols=[PROTOCOL]) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": CREDENTIALS}))
        await socket.recv()  # connection_ack
        payload = {"query": WATCH, "variables": {"id": image_id}}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        async for text in socket:
            message = json.loads(text)
            is_watching.set()
            if message["type"] == "complete":
                return None
            if message["type"] == "error":
                return str(message["payload"][0]["message"])
            for variant in message["payload"]["data"]["stableVariants"]["changed"]:
                print("ready  " if variant["ready"] else "planned", variant["url"], flush=True)
    return "The server has closed the socket."


async def main(path: Path) -> None:
    """Open a session, watch its image, send its file."""
    async with httpx.AsyncClient(timeout=60) as http:
        variables = {"input": {"filename": path.name, "fileSize": path.stat().st_size}}
        body = {"query": OPEN_SESSION, "variables": variables}
        answer = (await http.post(f"{URL}/graphql", json=body, headers=CREDENTIALS)).json()
        if "errors" in answer:
            sys.exit(answer["errors"][0]["message"])
        session = answer["data"]["createUploadSession"]["session"]
        # The image's id and addresses are known now: watch before the first byte is sent, and nothing is missed.
        is_watching = asyncio.Event()
        watching = asyncio.create_task(watch(session["image"]["id"], is_watching))
        await is_watching.wait()
        token = {"Authorization": f"Bearer {session['token']}"}
        response = await http.put(session["uploadUrl"], content=path.read_bytes(), headers=token)
        if response.is_error:
            watching.cancel()
            sys.exit(response.json()["message"])
        if problem := await watching:
            sys.exit(problem)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
