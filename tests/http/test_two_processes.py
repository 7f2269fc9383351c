"""A change shows at once on the process that made it and soon on any other, at every address.

With warm memories on both, with Redis, without it, and where no hint arrives; http.md, section 3, "Headers".
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from app.ids import ImageId
from app.services.delivery.rechecking import Rechecking
from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.further_api import further_api
from tests.support.gallery import PREFER, VIEWER, Shown, show
from tests.support.http_client import open_http
from tests.support.library_queries import DELETE_MANY, REPLACE, UPDATE_ONE
from tests.support.pictures import make_jpeg
from tests.support.servers.redis import RedisServer, run_redis
from tests.support.site_rows import open_rows
from tests.support.waiting import eventually

CHANGES = ["made private", "deleted"]


@dataclass(frozen=True)
class Twins:
    """Two processes that serve one owner's pictures."""

    urls: list[str]
    username: str
    account_hash: str

    def addresses(self, image: Shown, filename: str) -> list[str]:
        return [
            f"/f/{image.id}/webp/small.webp",
            f"/f/{image.id}/original/original.jpg",
            f"/cdn/{self.username}/_/{filename}",
            f"/cdn/{self.username}/_/{filename}/small",
            f"/cdn/i/{image.short_id}/small",
            f"/cdn/{image.short_id}",
            f"/cdn/{self.account_hash}/{image.id}/small",
            f"/image/{image.id}.webp",
        ]


@dataclass(frozen=True)
class Lonely:
    """Two further APIs of the site with a Redis of their own: no hint of another process reaches them."""

    redis: RedisServer
    urls: list[str]


@pytest.fixture(scope="module")
def lonely(people: People) -> Iterator[Lonely]:
    with (
        run_redis() as redis,
        further_api(people.site, SAFELIGHT_REDIS_URL=redis.url) as first,
        further_api(people.site, SAFELIGHT_REDIS_URL=redis.url) as second,
    ):
        yield Lonely(redis, [first.base_url, second.base_url])


@pytest.fixture
async def client(people: People) -> AsyncIterator[Client]:
    """The owner, at the first process of the site."""
    async with people.client(await people.add_owner()) as client:
        yield client


@pytest.fixture
async def twins(people: People, client: Client) -> Twins:
    """The processes of the shared site."""
    viewer = (await client.ask(VIEWER))["viewer"]
    return Twins(people.site.api_urls, viewer["username"], viewer["accountHash"])


class Watch:
    """Looks at addresses of both processes."""

    def __init__(self, urls: list[str], paths: list[str]) -> None:
        self.paths = paths
        self.clients = [open_http(url) for url in urls]

    async def statuses(self, api: int) -> list[int]:
        answers = await asyncio.gather(*(self.clients[api].get(path) for path in self.paths))
        return [answer.status_code for answer in answers]

    async def tags(self, api: int) -> set[str]:
        answers = await asyncio.gather(*(self.clients[api].get(path) for path in self.paths))
        return {answer.headers.get("etag", str(answer.status_code)) for answer in answers}

    async def are(self, api: int, status: int) -> bool:
        return set(await self.statuses(api)) == {status}

    async def warm(self) -> None:
        for api in (0, 1):
            for _ in range(3):
                assert await self.are(api, 200)

    async def close(self) -> None:
        for client in self.clients:
            await client.aclose()


async def take_back(client: Client, change: str, image: Shown) -> None:
    if change == "deleted":
        await client.ask(DELETE_MANY, ids=[image.id])
    else:
        await client.ask(UPDATE_ONE, input={"id": image.id, "visibility": "PRIVATE"})


@pytest.mark.parametrize("change", CHANGES)
async def test_what_is_taken_back_is_gone_at_once_here_and_soon_elsewhere(
    twins: Twins, client: Client, change: str
) -> None:
    image = await show(client, make_jpeg(320, 240), filename="taken.jpg")
    watch = Watch(twins.urls, twins.addresses(image, "taken.jpg"))
    await watch.warm()
    await take_back(client, change, image)
    here = await watch.statuses(0)

    assert here == [404] * len(watch.paths)
    await eventually(lambda: watch.are(1, 404))
    await watch.close()


@pytest.mark.parametrize("change", CHANGES)
async def test_what_is_taken_back_is_gone_everywhere_without_redis_too(
    twins: Twins, lonely: Lonely, client: Client, change: str
) -> None:
    image = await show(client, make_jpeg(322, 240), filename="taken.jpg")
    watch = Watch(lonely.urls, twins.addresses(image, "taken.jpg"))
    await watch.warm()
    lonely.redis.stop()
    try:
        async with Client(lonely.urls[0], client.key) as changer:
            await take_back(changer, change, image)
        here = await watch.statuses(0)
        assert here == [404] * len(watch.paths)
        await eventually(lambda: watch.are(1, 404))
    finally:
        lonely.redis.start()
        await watch.close()


@pytest.mark.parametrize("change", CHANGES)
async def test_what_no_hint_tells_of_is_gone_elsewhere_too(
    twins: Twins, lonely: Lonely, client: Client, change: str
) -> None:
    image = await show(client, make_jpeg(324, 240), filename="unheard.jpg")
    watch = Watch(lonely.urls, twins.addresses(image, "unheard.jpg"))
    await watch.warm()
    await take_back(client, change, image)

    await eventually(lambda: watch.are(0, 404))
    await eventually(lambda: watch.are(1, 404))
    await watch.close()


class Forgetful:
    """A cache that remembers only what it was to forget."""

    def __init__(self) -> None:
        self.forgotten: set[str] = set()

    def __len__(self) -> int:
        return 1

    def forget(self, image_id: ImageId) -> None:
        self.forgotten.add(str(image_id))

    def clear(self) -> None:
        raise AssertionError("far fewer images have changed")


@pytest.mark.parametrize("change", CHANGES)
async def test_the_rows_tell_of_a_change_at_the_next_look(people: People, client: Client, change: str) -> None:
    image = await show(client, make_jpeg(326, 240), filename="row.jpg")
    cache = Forgetful()
    async with open_rows(people.site) as database:
        rechecking = Rechecking(database, cache)

        async def has_no_news() -> bool:
            cache.forgotten.clear()
            await rechecking.look()
            return image.id not in cache.forgotten

        # The changes while the picture was made are known: from here on only the change below is news.
        await eventually(has_no_news)
        await take_back(client, change, image)
        assert not await has_no_news()


async def test_leave_to_make_sizes_ends_everywhere_and_for_good(twins: Twins, client: Client) -> None:
    await client.ask(PREFER, input={"flexibleVariants": True})
    image = await show(client, make_jpeg(370, 240), filename="flexible.jpg")
    watch = Watch(twins.urls, [f"/image/{image.id}.webp?w=33", f"/cdn/{twins.account_hash}/{image.id}/w=44,f=png"])
    await watch.warm()
    await client.ask(PREFER, input={"flexibleVariants": False})
    for api in (0, 1):
        await eventually(partial(watch.are, api, 404))
    after = [status for _ in range(20) for api in (0, 1) for status in await watch.statuses(api)]
    await watch.close()

    assert set(after) == {404}


async def test_replaced_bytes_are_shown_nowhere_in_the_end(twins: Twins, client: Client) -> None:
    image = await show(client, make_jpeg(340, 240), filename="replaced.jpg")
    watch = Watch(twins.urls, twins.addresses(image, "replaced.jpg"))
    await watch.warm()
    before = await watch.tags(1)
    content = make_jpeg(341, 240)
    session = (await client.ask(REPLACE, id=image.id, fileSize=len(content)))["replaceImage"]["session"]
    sent = await client.http.put(
        session["uploadUrl"], content=content, headers={"Authorization": f"Bearer {session['token']}"}
    )
    assert sent.status_code in {200, 201}, sent.text
    await client.wait_complete(image.id)
    here = await watch.tags(0)

    async def is_replaced() -> bool:
        return not before & await watch.tags(1)

    assert before & here == set()
    await eventually(is_replaced)
    await watch.close()


async def test_a_name_that_another_image_takes_is_its_own_everywhere(twins: Twins, client: Client) -> None:
    old = await show(client, make_jpeg(350, 240), filename="taken.jpg")
    watch = Watch(twins.urls, [f"/cdn/{twins.username}/_/taken.jpg"])
    await watch.warm()
    await client.ask(UPDATE_ONE, input={"id": old.id, "filename": "left.jpg"})
    moved = await watch.statuses(0)
    new = await show(client, make_jpeg(351, 240), filename="taken.jpg")

    async def is_new(api: int) -> bool:
        (tag,) = await watch.tags(api)
        return tag.strip('"').startswith(new.versions["ORIGINAL", "original"])

    assert moved == [301]
    for api in (0, 1):
        await eventually(partial(is_new, api))
    await watch.close()
