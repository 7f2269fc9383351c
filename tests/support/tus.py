"""What a tus client does, in a few lines each, and npm's own one as a program."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx

from tests.support.client import Client, OpenSession
from tests.support.pictures import make_jpeg
from tests.support.servers.node import NODE_PROJECT
from tests.support.site import Site
from tests.support.waiting import in_time

TUS = {"Tus-Resumable": "1.0.0"}
PART = {**TUS, "Content-Type": "application/offset+octet-stream"}


class TusClient:
    """One run of tus-js-client."""

    def __init__(self, node: str, folder: Path, content: bytes) -> None:
        self._node = node
        self._file = folder / "picture.jpg"
        self._file.write_bytes(content)

    async def start(self, scenario: str, **options: Any) -> asyncio.subprocess.Process:  # Any: whatever JSON takes
        given = json.dumps({"file": str(self._file), **options})
        return await asyncio.create_subprocess_exec(
            *(self._node, "tus_client.mjs", scenario, given),
            cwd=NODE_PROJECT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )

    async def run(self, scenario: str, **options: Any) -> dict[str, Any]:  # Any: as above
        process = await self.start(scenario, **options)
        return await finish(process)


async def finish(process: asyncio.subprocess.Process, said: bytes = b"") -> dict[str, Any]:  # Any: what JSON holds
    output, _ = await in_time(process.communicate(said))
    assert process.returncode == 0
    return dict(json.loads(output.splitlines()[-1]))


def key_of(site: Site) -> dict[str, str]:
    """The header that opens the account of these tests."""
    return {"X-API-Key": site.key}


def picture(number: int) -> bytes:
    return make_jpeg(1400 + number, 1000, noise=True)


def session_id_of(url: str) -> str:
    return httpx.URL(url).path.rpartition("/")[2]


def partials_of(site: Site) -> list[str]:
    return [name for name in site.leftovers() if name.startswith("partial/")]


async def patch(client: Client, session: OpenSession, offset: int, content: bytes, **more: str) -> httpx.Response:
    headers = {**PART, "Upload-Offset": str(offset), **{name.replace("_", "-"): more[name] for name in more}}
    return await client.http.patch(session.one_time_url, content=content, headers=headers)


async def head(client: Client, session: OpenSession) -> httpx.Response:
    return await client.http.head(session.one_time_url, headers=TUS)
