"""Memory of the API process while ten uploads of 100 MB stream in at once.

python -m bench.uploads
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator

from bench.sites import rss_mib, running_site
from tests.support.pictures import make_jpeg
from tests.support.site import Site

UPLOADS = 10
FILE_BYTES = 100 * 1000 * 1000
_CHUNK = os.urandom(256 * 1024)


async def body(head: bytes, number: int) -> AsyncIterator[bytes]:
    """A picture with much behind its end: taken, and cleaned away."""
    yield head + number.to_bytes(4, "big")
    left = FILE_BYTES - len(head) - 4
    while left > 0:
        chunk = _CHUNK[:left]
        left -= len(chunk)
        yield chunk


async def measure(site: Site) -> None:
    head, pid = make_jpeg(800, 600), site.apis[0].pid
    async with site.client() as client:
        await client.upload(make_jpeg(640, 480))
        before = peak = rss_mib(pid)
        sessions = [await client.open_session(FILE_BYTES) for _ in range(UPLOADS)]
        started_at = time.perf_counter()
        sending = [
            asyncio.create_task(
                client.http.put(
                    session.upload_url,
                    content=body(head, number),
                    headers={"Authorization": f"Bearer {session.token}", "Content-Length": str(FILE_BYTES)},
                )
            )
            for number, session in enumerate(sessions)
        ]
        while any(not task.done() for task in sending):
            peak = max(peak, rss_mib(pid))
            await asyncio.sleep(0.02)
        statuses = [task.result().status_code for task in sending]
    took_s = time.perf_counter() - started_at
    print(f"{UPLOADS} x {FILE_BYTES // 10**6} MB: {statuses}, {UPLOADS * FILE_BYTES / took_s / 1e6:.0f} MB/s")
    print(f"API process: {before:.1f} MiB before, {peak:.1f} MiB at most, growth {peak - before:.1f} MiB")


def main() -> None:
    with running_site() as site:
        asyncio.run(measure(site))


if __name__ == "__main__":
    main()
