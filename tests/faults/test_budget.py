"""The budget of renders: it holds in a burst that keeps the process busy, and where Redis is silent."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.e2e.test_on_demand import ALLOW, free_of, upload
from tests.support.fault_sites import Broken, MakeSite
from tests.support.pictures import make_jpeg
from tests.support.process_control import kept_running
from tests.support.site import Site

PER_MINUTE = 4
"""So few that none comes back while a burst is answered."""
BURST = 150
ANSWER_S = 3.0 + 0.7
"""Three seconds, and what two busy cores add."""
NOT_READY, REFUSED = (503, "VARIANT_NOT_READY"), (429, "RATE_LIMITED")
Fault = Callable[[Broken], None]


async def test_of_150_misses_at_once_as_many_are_begun_as_the_budget_has(make_plain_site: MakeSite) -> None:
    site = _make(make_plain_site, apis=1).site
    async with _misses(site) as (image_id, (stranger,)):
        answers = await _ask(stranger, image_id, BURST)
        begun = await free_of(site, image_id)

    assert Counter(map(_told, answers)) == {NOT_READY: PER_MINUTE, REFUSED: BURST - PER_MINUTE}
    assert len(begun) == PER_MINUTE
    assert "rates_counted_here" not in site.apis[0].log


@pytest.mark.parametrize(
    ("leave", "come_back"),
    [
        (lambda broken: broken.redis.pause(), lambda broken: broken.redis.resume()),
        (lambda broken: broken.redis.stop(), lambda broken: broken.redis.start()),
    ],
    ids=["hanging", "stopped"],
)
async def test_without_redis_each_process_keeps_the_budget_and_answers_soon(
    make_plain_site: MakeSite, leave: Fault, come_back: Fault
) -> None:
    broken = _make(make_plain_site, apis=2)
    site = broken.site
    with kept_running(*site.workers):
        async with _misses(site) as (image_id, strangers):
            leave(broken)
            try:
                asked_at = time.monotonic()
                bursts = [_ask(stranger, image_id, 60, first_px=1 + 100 * n) for n, stranger in enumerate(strangers)]
                both = await asyncio.gather(*bursts)
                took_s = time.monotonic() - asked_at
                begun = await free_of(site, image_id)
            finally:
                come_back(broken)

    print(f"120 misses on two processes were answered within {took_s:.2f} s")
    for answers in both:
        assert Counter(map(_told, answers)) == {NOT_READY: PER_MINUTE, REFUSED: 60 - PER_MINUTE}
    assert len(begun) == PER_MINUTE * 2
    assert took_s < ANSWER_S


def _make(make_site: MakeSite, *, apis: int) -> Broken:
    return make_site(apis=apis, environment={"SAFELIGHT_MISSES_PER_MINUTE": str(PER_MINUTE)})


@asynccontextmanager
async def _misses(site: Site) -> AsyncIterator[tuple[str, list[httpx.AsyncClient]]]:
    """An image of which anyone may make up transformations, and a stranger for each API."""
    many = httpx.Limits(max_connections=BURST)
    strangers = [httpx.AsyncClient(base_url=url, timeout=40, limits=many) for url in site.api_urls]
    async with site.client() as client:
        image_id = await upload(client, make_jpeg(300, 211))
        await client.ask(ALLOW, may=True)
    try:
        yield image_id, strangers
    finally:
        for stranger in strangers:
            await stranger.aclose()


async def _ask(stranger: httpx.AsyncClient, image_id: str, number: int, *, first_px: int = 1) -> list[httpx.Response]:
    paths = [f"/t/{image_id}/width={first_px + index}.png?wait=0" for index in range(number)]
    return await asyncio.gather(*map(stranger.get, paths))


def _told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
