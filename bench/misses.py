"""A picture that nobody has made yet: medium.webp (800 px) of 12 megapixels, from request to last byte (goal R5).

    python -m bench.misses [--rounds 9]

Each round asks us, thumbor and ipx over HTTP, and sharp in its own process, for a variant that none of them has. We are
not pinned: a miss takes what the machine has. sharp needs `npm ci --prefix bench`.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import httpx

from bench.peers import NotHere, ipx_path, running_ipx, running_thumbor, thumbor_path
from bench.sites import PHOTO, running_site
from tests.support.client import OpenSession
from tests.support.site import Site

BENCH_DIR = Path(__file__).parent
WIDTH_PX = 800
PRESET = """mutation ($width: Int!) {
  createVariantPreset(input: {name: "medium800", fit: SCALE_DOWN, width: $width}) { preset { name } }
}"""
SHORT = "query ($id: ID!) { image(id: $id) { shortId } }"
Ask = Callable[[int], Awaitable[tuple[float, float]]]
"""One miss, by the number of the round: milliseconds to the first and to the last byte."""


async def publish(site: Site, count: int) -> list[str]:
    """Addresses of variants that are not made, one for each round, of the same photograph in other bytes."""
    addresses = []
    async with site.client() as client:
        await client.ask(PRESET, width=WIDTH_PX)
        for number in range(count):
            # What stands behind a picture's end is cut off before anything else is done with it.
            content = PHOTO.read_bytes() + bytes([number])
            session: OpenSession = await client.upload(content, processing={"profile": "ORIGINAL_ONLY"})
            await client.wait_complete(session.image_id)
            short_id = (await client.ask(SHORT, id=session.image_id))["image"]["shortId"]
            addresses.append(f"{site.base_url}/cdn/i/{short_id}/medium800")
    return addresses


def over_http(client: httpx.AsyncClient, address: Callable[[int], str]) -> Ask:
    """Ask a server."""

    async def ask(number: int) -> tuple[float, float]:
        start, first_ms = time.perf_counter(), 0.0
        async with client.stream("GET", address(number), headers={"Accept": "image/webp"}) as answer:
            answer.raise_for_status()
            async for _ in answer.aiter_raw():
                first_ms = first_ms or (time.perf_counter() - start) * 1000
            assert answer.headers["content-type"] == "image/webp", answer.headers
        return first_ms, (time.perf_counter() - start) * 1000

    return ask


@contextlib.asynccontextmanager
async def running_sharp() -> AsyncIterator[Ask]:
    """sharp, warm, in a process of its own."""
    if not (BENCH_DIR / "node_modules").exists():
        raise NotHere("needs `npm ci --prefix bench`")
    process = await asyncio.create_subprocess_exec(
        *("node", str(BENCH_DIR / "sharp_peer.mjs")), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    async def ask(_number: int) -> tuple[float, float]:
        job = {"source": str(PHOTO), "variants": [{"codec": "webp", "width": WIDTH_PX, "height": None}]}
        stdin.write(json.dumps(job).encode() + b"\n")
        wall_ms = json.loads(await stdout.readline())["wallMs"]
        return wall_ms, wall_ms

    try:
        yield ask
    finally:
        process.kill()
        await process.wait()


async def compare(site: Site, rounds: int) -> None:
    """Interleave the rounds and print a table."""
    addresses = await publish(site, rounds + 1)
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="safelight-peers-")))
        asks: dict[str, Ask] = {"ours": over_http(client, lambda number: addresses[number])}
        try:
            asks["sharp"] = await stack.enter_async_context(running_sharp())
        except NotHere as reason:
            print(f"sharp skipped: {reason}")
        for name, running, path in (
            ("thumbor", running_thumbor(PHOTO.parent, folder, keeps_results=False), thumbor_path(PHOTO.name, WIDTH_PX)),
            ("ipx", running_ipx(PHOTO.parent), ipx_path(PHOTO.name, WIDTH_PX)),
        ):
            try:
                url, _pid = stack.enter_context(running)
            except NotHere as reason:
                print(f"{name} skipped: {reason}")
                continue
            asks[name] = over_http(client, partial(_same, url + path))
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in asks}
        for number in range(rounds + 1):
            for name, ask in asks.items():
                taken[name].append(await ask(number))
    print(f"{'':8}{'first ms':>10}{'last ms':>10}{'ours is':>10}   {rounds} rounds, the first not counted")
    for name, times in taken.items():
        first_ms, last_ms = (statistics.median(side) for side in zip(*times[1:], strict=True))
        ratio = statistics.median(own[1] / peer[1] for own, peer in zip(taken["ours"][1:], times[1:], strict=True))
        print(f"{name:8}{first_ms:10.0f}{last_ms:10.0f}{ratio:9.2f}×")


def _same(address: str, _number: int) -> str:
    return address


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    if not PHOTO.exists():
        print("skipped: no photographs (SAFELIGHT_CORPUS)")
        return
    with running_site() as site:
        asyncio.run(compare(site, options.rounds))


if __name__ == "__main__":
    main()
