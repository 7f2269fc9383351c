"""What is made private is gone from the cache of deploy/'s nginx, too, within the second that the papers allow."""

import asyncio
import time
from collections import Counter
from urllib.parse import urlsplit

import httpx

from tests.support.client import Client
from tests.support.pictures import make_jpeg
from tests.support.servers.deployed_nginx import run_deployed_nginx
from tests.support.site import Site

HIDE = "mutation ($id: ID!) { updateImage(input: {id: $id, visibility: PRIVATE}) { image { id } } }"


class Seen:
    """What polling has seen so far: of each path when the last request was begun that was shown the picture."""

    def __init__(self) -> None:
        self.last_shown_at: dict[str, float] = {}
        self.kept: Counter[str] = Counter()
        self.polled_at = 0.0
        self._changed = asyncio.Condition()

    async def note(self, path: str, begun_at: float, answer: httpx.Response) -> None:
        """Remember one answer."""
        async with self._changed:
            self.polled_at = begun_at
            if answer.status_code == 200:
                self.last_shown_at[path] = begun_at
                self.kept[path] += answer.headers["x-cache-status"] == "HIT"
            self._changed.notify_all()

    async def wait_until_kept(self, path: str) -> None:
        """Return when nginx has answered once more by itself."""
        before = self.kept[path]
        async with self._changed:
            await self._changed.wait_for(lambda: self.kept[path] > before)

    async def wait_until_polled(self, moment: float) -> None:
        """Return when a request was begun after this moment, on the monotonic clock."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.polled_at > moment)


async def test_what_is_made_private_is_gone_within_a_second(wide_site: Site) -> None:
    # By another process than the one behind nginx.
    async with wide_site.client(api=1) as owner:
        paths = [await _upload(owner, width_px) for width_px in range(400, 405)]
        with run_deployed_nginx(api_port=urlsplit(wide_site.api_urls[0]).port or 0) as nginx:
            lasted_s = await _hide_each(owner, dict(paths), nginx.url)

    assert max(lasted_s) < 1.1, lasted_s


async def _upload(owner: Client, width_px: int) -> tuple[str, str]:
    session = await owner.upload(make_jpeg(width_px, 300))
    await owner.wait_complete(session.image_id)
    return session.image_id, urlsplit(session.urls["WEBP", "small"]).path


async def _hide_each(owner: Client, paths: dict[str, str], url: str) -> list[float]:
    """For how many seconds after each change the last one was shown its picture."""
    seen, hidden_at = Seen(), {}
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        polling = group.create_task(_poll(url, [*paths.values()], seen))
        for image_id, path in paths.items():
            await seen.wait_until_kept(path)
            await owner.ask(HIDE, id=image_id)
            hidden_at[path] = time.monotonic()
        # nginx counts in whole seconds: without its own pace it would go on for up to two.
        await seen.wait_until_polled(time.monotonic() + 2.5)
        polling.cancel()
    return [seen.last_shown_at[path] - hidden_at[path] for path in paths.values()]


async def _poll(url: str, paths: list[str], seen: Seen) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        while True:
            for path in paths:
                begun_at = time.monotonic()
                await seen.note(path, begun_at, await client.get(path))
