"""Hints may be lost: what is believed without Redis is believed for a second, and watchers learn the truth after it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from redis.asyncio import Redis

from app.db.engine import utc_now
from app.domain.access import Visibility
from app.events.bus import EventBus
from app.ids import ImageId, parse_uuid
from tests.e2e.test_watching import check_story, watch_from_now
from tests.support.pictures import make_jpeg
from tests.support.servers.redis import RedisServer, run_redis
from tests.support.site import Site, run_site
from tests.support.site_fixtures import SET_UPS, environment_of
from tests.support.site_rows import change_image

STALE_S = 1.0
SLACK_S = 0.25
"""What a busy machine adds to the answer itself."""


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with run_redis() as server:
        yield server


@pytest.fixture(scope="module", params=SET_UPS)
def two_apis(
    redis: RedisServer, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Two APIs and a worker on a Redis that may be stopped."""
    data_dir = tmp_path_factory.mktemp("two-apis")
    environment = environment_of(request.param, request)
    with run_site(data_dir, redis_url=redis.url, apis=2, environment=environment) as site:
        yield site


async def test_a_published_change_of_privacy_shows_at_once_on_the_other_process(
    two_apis: Site, redis: RedisServer
) -> None:
    async with served_from_memory(two_apis, make_jpeg(501, 300)) as (stranger, url, image_id):
        await change_image(two_apis, image_id, visibility=Visibility.PRIVATE, updated_at=utc_now())
        changed_at = time.monotonic()
        async with Redis.from_url(redis.url, decode_responses=True) as connection:
            await EventBus(connection).publish([_parse(image_id)])

        gone_after_s = await wait_until_gone(stranger, url, changed_at)

    assert gone_after_s < STALE_S / 2


async def test_a_change_of_privacy_shows_within_a_second_without_redis(two_apis: Site, redis: RedisServer) -> None:
    async with served_from_memory(two_apis, make_jpeg(503, 300)) as (stranger, url, image_id):
        redis.stop()
        try:
            assert (await stranger.get(url)).status_code == 200
            await change_image(two_apis, image_id, visibility=Visibility.PRIVATE, updated_at=utc_now())
            gone_after_s = await wait_until_gone(stranger, url, time.monotonic())
        finally:
            redis.start()
            _restart_workers(two_apis)

    assert gone_after_s <= STALE_S + SLACK_S


async def test_a_change_of_privacy_shows_within_a_second_while_redis_hangs(two_apis: Site, redis: RedisServer) -> None:
    async with served_from_memory(two_apis, make_jpeg(505, 300)) as (stranger, url, image_id):
        redis.pause()
        try:
            assert (await stranger.get(url)).status_code == 200
            await change_image(two_apis, image_id, visibility=Visibility.PRIVATE, updated_at=utc_now())
            gone_after_s = await wait_until_gone(stranger, url, time.monotonic())
        finally:
            redis.resume()
            _restart_workers(two_apis)

    assert gone_after_s <= STALE_S + SLACK_S


async def test_watchers_miss_nothing_over_a_restart_of_redis(two_apis: Site, redis: RedisServer) -> None:
    async with two_apis.client() as first, two_apis.client(api=1) as second:
        content = make_jpeg(1200, 800)
        session = await first.open_session(len(content))
        tasks = [await watch_from_now(client, session.image_id) for client in (first, second)]
        redis.kill()

        began = time.monotonic()
        sent = await first.send(session, content)
        took_s = time.monotonic() - began
        redis.start()
        _restart_workers(two_apis)
        stories = await asyncio.wait_for(asyncio.gather(*tasks), 40)

    assert sent.status_code == 201
    assert took_s < 6
    for story in stories:
        check_story(story)


async def test_one_outage_is_one_line_in_the_log(two_apis: Site, redis: RedisServer) -> None:
    before = [program.log.count("event_reader_lost_redis") for program in two_apis.apis]
    redis.stop()
    try:
        async with asyncio.timeout(10):
            while [p.log.count("event_reader_lost_redis") for p in two_apis.apis] == before:  # noqa: ASYNC110  (a log)
                await asyncio.sleep(0.05)
        await asyncio.sleep(1)  # long enough for twenty more, were each try one
    finally:
        redis.start()
        _restart_workers(two_apis)

    after = [program.log.count("event_reader_lost_redis") for program in two_apis.apis]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1]


@asynccontextmanager
async def served_from_memory(site: Site, content: bytes) -> AsyncIterator[tuple[httpx.AsyncClient, str, str]]:
    """A stranger whose pictures come from the second process's memory."""
    async with site.client() as client, httpx.AsyncClient(base_url=site.api_urls[1]) as stranger:
        session = await client.upload(content)
        await client.wait_complete(session.image_id)
        url = session.urls["WEBP", "small"].removeprefix(site.base_url)
        for _ in range(3):
            assert (await stranger.get(url)).status_code == 200
        yield stranger, url, session.image_id


async def wait_until_gone(stranger: httpx.AsyncClient, url: str, changed_at: float) -> float:
    """After how many seconds the last good answer was asked for."""
    last_good_s = 0.0
    async with asyncio.timeout(15):
        while True:
            asked_at = time.monotonic()
            if (await stranger.get(url)).status_code == 404:
                return last_good_s
            last_good_s = asked_at - changed_at
            await asyncio.sleep(0.01)


def _parse(image_id: str) -> ImageId:
    found = parse_uuid(image_id)
    assert found is not None
    return ImageId(found)


def _restart_workers(site: Site) -> None:
    """A worker ends where Redis goes away; whoever supervises it starts it again."""
    for worker in site.workers:
        worker.kill()
        worker.start()
    site.wait_ready()
