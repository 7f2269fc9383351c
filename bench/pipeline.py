"""From the last byte of a photograph to its variants on a watcher's socket (goal E1).

    python -m bench.pipeline [--rounds 15] [photo ...]

One API, one worker with two slots, an idle machine. The watcher is another connection than the sender; the clock starts
when the last byte was handed to the kernel. S8: og-image and thumb as JPEG, 800 px and 256 px as JPEG, WebP and AVIF.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import time
from pathlib import Path
from typing import Any

from bench.sites import PHOTO, running_site
from tests.support.client import WATCH, Client, GraphQLFailure

S8 = [
    *(("JPEG", size) for size in ("og-image", "s8-800", "w256", "thumb")),
    *((family, size) for family in ("WEBP", "AVIF") for size in ("s8-800", "w256")),
]


MAKE_PRESET = """mutation { createVariantPreset(input: {name: "s8-800", fit: SCALE_DOWN, width: 800, quality: 80}) {
  preset { name } } }"""


async def run_once(client: Client, content: bytes, number: int) -> dict[str, float]:
    """Milliseconds from the last byte to the answer, the verdict, the first and the last rendered variant."""
    derivatives = [{"family": family, "size": size} for family, size in S8]
    # A few bytes behind the picture's end make each round's upload another file.
    content += number.to_bytes(4, "big")
    session = await client.open_session(len(content), processing={"profile": "CUSTOM", "derivatives": derivatives})
    times: dict[str, float] = {}
    async with client.socket() as socket:
        payload = {"query": WATCH, "variables": {"id": session.image_id}}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        await socket.recv()
        sending = asyncio.create_task(_send(client, session.upload_url, session.token, content, times))
        async for text in socket:
            now = time.perf_counter()
            message: dict[str, Any] = json.loads(text)
            if message["type"] != "next":
                break
            for variant in message["payload"]["data"]["stableVariants"]["changed"]:
                if variant["ready"]:
                    is_original = variant["family"] == "ORIGINAL"
                    times.setdefault("original" if is_original else "first", now)
                    times["all"] = now
        await sending
    sent_at = times.pop("sent")
    return {name: (moment - sent_at) * 1000 for name, moment in times.items()}


async def _send(client: Client, url: str, token: str, content: bytes, times: dict[str, float]) -> None:
    async def body() -> Any:
        yield content[:-1]
        times["sent"] = time.perf_counter()
        yield content[-1:]

    headers = {"Authorization": f"Bearer {token}", "Content-Length": str(len(content))}
    response = await client.http.put(url, content=body(), headers=headers)
    times["answer"] = time.perf_counter()
    assert response.status_code == 201, response.text


async def measure(base_url: str, photo: Path, rounds: int) -> None:
    content = photo.read_bytes()  # noqa: ASYNC240  (nothing else runs yet)
    async with Client(base_url) as client:
        with contextlib.suppress(GraphQLFailure):  # a photograph before this one made it
            await client.ask(MAKE_PRESET)
        runs = [await run_once(client, content, number) for number in range(rounds + 2)][2:]
    told = {name: statistics.median(run[name] for run in runs) for name in ("original", "answer", "first", "all")}
    worst = max(run["all"] for run in runs)
    row = "".join(f"{told[name]:10.0f}" for name in told)
    print(f"{photo.name:24}{row}{worst:12.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("photos", nargs="*", type=Path, default=[PHOTO])
    options = parser.parse_args()
    with running_site() as site:
        names = ("original", "answer", "first", "all eight")
        print(f"{'ms after the last byte':24}" + "".join(f"{name:>10}" for name in names) + f"{'worst all':>12}")
        for photo in options.photos:
            asyncio.run(measure(site.base_url, photo, options.rounds))


if __name__ == "__main__":
    main()
