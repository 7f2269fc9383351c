"""What changes shows at once on the process that changed it and within a second on another, at every address.

With warm memories on both, with Redis and without; http.md, section 3, "Headers".
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.client import Client
from tests.support.gallery import PREFER, VIEWER, Shown, show
from tests.support.pictures import make_jpeg
from tests.support.servers.ports import find_free_port
from tests.support.servers.redis import RedisServer, run_redis
from tests.support.site import Program, Site, run_site
from tests.support.site_fixtures import SET_UPS, environment_of
from tests.support.waiting import LIMIT_S

UPDATE = "mutation ($input: UpdateImageInput!) { updateImage(input: $input) { image { id } } }"
DELETE = "mutation ($ids: [ID!]!) { deleteImages(ids: $ids) { __typename } }"
REPLACE = (
    "mutation ($id: ID!, $size: BigInt!) { replaceImage(id: $id, fileSize: $size) { session { uploadUrl token } } }"
)
WITHIN_S = 1.0
MACHINE_S = 0.5
"""What this machine may be late by, as other tests run beside."""


@dataclass
class Twins:
    """Two APIs of one site, and their Redis."""

    site: Site
    redis: RedisServer
    account_hash: str

    def bring_redis_back(self) -> None:
        """And the workers, which end without it, as `safelight run` starts them again."""
        self.redis.start()
        for worker in self.site.workers:
            worker.stop()
            worker.start()

    def addresses(self, image: Shown, filename: str) -> list[str]:
        return [
            f"/f/{image.id}/webp/small.webp",
            f"/f/{image.id}/original/original.jpg",
            f"/cdn/admin/_/{filename}",
            f"/cdn/admin/_/{filename}/small",
            f"/cdn/i/{image.short_id}/small",
            f"/cdn/{image.short_id}",
            f"/cdn/{self.account_hash}/{image.id}/small",
            f"/image/{image.id}.webp",
        ]


async def find_hash(site: Site) -> str:
    async with site.client() as client:
        return str((await client.ask(VIEWER))["viewer"]["accountHash"])


@pytest.fixture(scope="module", params=SET_UPS)
def twins(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    data_dir: Path = tmp_path_factory.mktemp("twins")
    environment = environment_of(request.param, request)
    with run_redis() as redis, run_site(data_dir, redis_url=redis.url, apis=2, environment=environment) as site:
        yield Twins(site, redis, asyncio.run(find_hash(site)))


class Watch:
    """Looks at addresses of both processes."""

    def __init__(self, twins: Twins, paths: list[str]) -> None:
        self.paths = paths
        self.clients = [httpx.AsyncClient(base_url=url, timeout=30) for url in twins.site.api_urls]

    async def statuses(self, api: int) -> list[int]:
        answers = await asyncio.gather(*(self.clients[api].get(path) for path in self.paths))
        return [answer.status_code for answer in answers]

    async def tags(self, api: int) -> list[str]:
        answers = await asyncio.gather(*(self.clients[api].get(path) for path in self.paths))
        return [answer.headers.get("etag", str(answer.status_code)) for answer in answers]

    async def warm(self) -> None:
        for api in (0, 1):
            for _ in range(3):
                assert await self.statuses(api) == [200] * len(self.paths)

    async def close(self) -> None:
        for client in self.clients:
            await client.aclose()


async def until_told(ask: Callable[[], Awaitable[list[int]]], since: float) -> list[int]:
    """The first answers that were asked for when the second was over."""
    while time.monotonic() < since + WITHIN_S + MACHINE_S:
        await ask()
    return await ask()


CHANGES = ["made private", "deleted"]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("has_redis", [True, False], ids=["with Redis", "without Redis"])
async def test_what_is_taken_back_is_gone_everywhere_within_a_second(
    twins: Twins, change: str, *, has_redis: bool
) -> None:
    name = f"{change.replace(' ', '-')}-{has_redis}.jpg"
    async with twins.site.client() as client:
        content = make_jpeg(320 + 2 * CHANGES.index(change) + has_redis, 240)
        image = await show(client, content, filename=name)
        watch = Watch(twins, twins.addresses(image, name))
        await watch.warm()
        if not has_redis:
            twins.redis.stop()
        try:
            if change == "deleted":
                await client.ask(DELETE, ids=[image.id])
            else:
                await client.ask(UPDATE, input={"id": image.id, "visibility": "PRIVATE"})
            changed_at = time.monotonic()
            here = await watch.statuses(0)
            there = await until_told(lambda: watch.statuses(1), changed_at)
        finally:
            if not has_redis:
                twins.bring_redis_back()
            await watch.close()

    assert here == [404] * len(watch.paths)
    assert there == [404] * len(watch.paths)


@pytest.mark.parametrize("change", CHANGES)
async def test_what_no_hint_tells_of_is_gone_elsewhere_within_a_second_too(twins: Twins, change: str) -> None:
    name = f"unheard-{change.replace(' ', '-')}.jpg"
    async with unheard(twins) as url, Client(url) as client:
        image = await show(client, make_jpeg(360 + 2 * CHANGES.index(change), 240), filename=name)
        watch = Watch(twins, twins.addresses(image, name))
        await watch.warm()
        # What the making of the picture has changed is over: from here on only the change itself can be noticed.
        await asyncio.sleep(2 * WITHIN_S)
        await watch.warm()
        if change == "deleted":
            await client.ask(DELETE, ids=[image.id])
        else:
            await client.ask(UPDATE, input={"id": image.id, "visibility": "PRIVATE"})
        changed_at = time.monotonic()
        there = await until_told(lambda: watch.statuses(1), changed_at)
        await watch.close()

    assert there == [404] * len(watch.paths)


@contextlib.asynccontextmanager
async def unheard(twins: Twins) -> AsyncIterator[str]:
    """Another API of the same site, whose hints reach nobody: its Redis is another one."""
    port = find_free_port()
    with run_redis() as lost:
        settings = {"SAFELIGHT_PORT": str(port), "SAFELIGHT_REDIS_URL": lost.url}
        api = Program("api", {**twins.site.environment, **settings}, twins.site.data_dir / "unheard.log")
        api.start()
        try:
            await wait_until_ready(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            api.stop()


async def wait_until_ready(url: str) -> None:
    async with asyncio.timeout(LIMIT_S), httpx.AsyncClient() as http:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await http.get(f"{url}/healthz")).status_code == 200:
                    return
            await asyncio.sleep(0.05)


async def test_leave_to_make_sizes_ends_everywhere_within_a_second_and_for_good(twins: Twins) -> None:
    async with twins.site.client() as client:
        await client.ask(PREFER, input={"flexibleVariants": True})
        image = await show(client, make_jpeg(370, 240), filename="flexible.jpg")
        watch = Watch(twins, [f"/image/{image.id}.webp?w=33", f"/cdn/{twins.account_hash}/{image.id}/w=44,f=png"])
        await watch.warm()
        await client.ask(PREFER, input={"flexibleVariants": False})
        changed_at = time.monotonic()
        await until_told(lambda: watch.statuses(1), changed_at)
        after = [status for _ in range(20) for api in (0, 1) for status in await watch.statuses(api)]
        await watch.close()

    assert set(after) == {404}


async def test_replaced_bytes_are_shown_nowhere_after_a_second(twins: Twins) -> None:
    async with twins.site.client() as client:
        image = await show(client, make_jpeg(340, 240), filename="replaced.jpg")
        watch = Watch(twins, twins.addresses(image, "replaced.jpg"))
        await watch.warm()
        before = set(await watch.tags(1))
        content = make_jpeg(341, 240)
        session = (await client.ask(REPLACE, id=image.id, size=len(content)))["replaceImage"]["session"]
        sent = await client.http.put(
            session["uploadUrl"], content=content, headers={"Authorization": f"Bearer {session['token']}"}
        )
        assert sent.status_code in {200, 201}, sent.text
        await client.wait_complete(image.id)
        replaced_at = time.monotonic()
        here = set(await watch.tags(0))
        while time.monotonic() < replaced_at + WITHIN_S + MACHINE_S:
            await watch.tags(1)
        there = set(await watch.tags(1))
        await watch.close()

    assert before & here == set()
    assert before & there == set()


async def test_a_name_that_another_image_takes_is_its_own_within_a_second(twins: Twins) -> None:
    async with twins.site.client() as client:
        old = await show(client, make_jpeg(350, 240), filename="taken.jpg")
        watch = Watch(twins, ["/cdn/admin/_/taken.jpg"])
        await watch.warm()
        await client.ask(UPDATE, input={"id": old.id, "filename": "left.jpg"})
        moved = await watch.statuses(0)
        new = await show(client, make_jpeg(351, 240), filename="taken.jpg")
        taken_at = time.monotonic()
        await until_told(lambda: watch.statuses(1), taken_at)
        tags = [*(await watch.tags(0)), *(await watch.tags(1))]
        await watch.close()

    assert moved == [301]
    assert all(tag.strip('"').startswith(new.versions["ORIGINAL", "original"]) for tag in tags)
