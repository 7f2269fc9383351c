"""The budget of renders: it holds in a burst that keeps the process busy, on two APIs, and where Redis is silent."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.support.fault_sites import Broken, MakeSite
from tests.support.on_demand import ALLOW, free_of, upload
from tests.support.pictures import make_jpeg
from tests.support.process_control import kept_running
from tests.support.site import Site
from tests.support.waiting import LIMIT_S, eventually

pytestmark = pytest.mark.full("bursts on sites of their own; tests/services/test_on_demand_budget.py has the rules")

PER_MINUTE = 4
"""So few that hardly one comes back while a burst is answered."""
BURST = 150
NOT_READY, REFUSED = (503, "VARIANT_NOT_READY"), (429, "RATE_LIMITED")
Fault = Callable[[Broken], None]


class Refill:
    """How many renders came back to a budget while a slow machine answered."""

    def __init__(self) -> None:
        self._began_at = time.monotonic()

    def count(self) -> int:
        """Since this was made."""
        return int((time.monotonic() - self._began_at) * PER_MINUTE / 60)


async def test_of_150_misses_at_once_as_many_are_begun_as_the_budget_has(make_plain_site: MakeSite) -> None:
    site = _make(make_plain_site, apis=1).site
    async with _misses(site) as (image_id, (stranger,)):
        refill = Refill()
        answers = await _ask(stranger, image_id, BURST)
        granted = _granted(answers, refill)
        begun = await free_of(site, image_id)

    assert len(begun) == granted
    assert "rates_counted_here" not in site.apis[0].log


async def test_two_apis_share_a_budget_and_what_is_made_is_free(make_plain_site: MakeSite) -> None:
    site = _make(make_plain_site, apis=2).site
    async with _misses(site) as (image_id, (first, second)):
        refill = Refill()
        await eventually(lambda: _is_served(first, f"/t/{image_id}/width=10.png"), "made")
        made = [await each.get(f"/t/{image_id}/width=10.png") for each in (first, second)]
        answers = await _ask(second, image_id, 20, first_px=20)
        granted = _granted(answers, refill, spent=1)
        refused = next(answer for answer in answers if answer.status_code == 429)
        hit = await second.get(f"/t/{image_id}/width=10.png")
        begun = await free_of(site, image_id)

    assert [answer.status_code for answer in (*made, hit)] == [200, 200, 200]
    # Caches keep these, and one client's count is no other's.
    assert [name for answer in (*made, hit) for name in answer.headers if name.startswith("x-ratelimit")] == []
    told = {name: refused.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining")}
    assert told == {"limit": str(PER_MINUTE), "remaining": "0"}
    assert refused.headers["cache-control"] == "no-store"
    assert 0 < int(refused.headers["retry-after"]) <= 60 / PER_MINUTE
    assert len(begun) == granted + 1


@pytest.mark.parametrize(
    ("leave", "come_back"),
    [
        (lambda broken: broken.redis.pause(), lambda broken: broken.redis.resume()),
        (lambda broken: broken.redis.stop(), lambda broken: broken.redis.start()),
    ],
    ids=["hanging", "stopped"],
)
async def test_without_redis_each_process_keeps_the_budget_and_answers(
    make_plain_site: MakeSite, leave: Fault, come_back: Fault
) -> None:
    broken = _make(make_plain_site, apis=2)
    site = broken.site
    with kept_running(*site.workers):
        async with _misses(site) as (image_id, strangers):
            leave(broken)
            try:
                refill = Refill()
                bursts = [_ask(stranger, image_id, 60, first_px=1 + 100 * n) for n, stranger in enumerate(strangers)]
                both = await asyncio.gather(*bursts)
                granted = [_granted(answers, refill) for answers in both]
                begun = await free_of(site, image_id)
            finally:
                come_back(broken)

    assert len(begun) == sum(granted)


def _make(make_site: MakeSite, *, apis: int) -> Broken:
    return make_site(apis=apis, environment={"SAFELIGHT_MISSES_PER_MINUTE": str(PER_MINUTE)})


@asynccontextmanager
async def _misses(site: Site) -> AsyncIterator[tuple[str, list[httpx.AsyncClient]]]:
    """An image of which anyone may make up transformations, and a stranger for each API."""
    many = httpx.Limits(max_connections=BURST)
    strangers = [httpx.AsyncClient(base_url=url, timeout=LIMIT_S, limits=many) for url in site.api_urls]
    async with site.client() as client:
        image_id = await upload(client, make_jpeg(300, 211))
        await client.ask(ALLOW, may=True)
    try:
        yield image_id, strangers
    finally:
        for stranger in strangers:
            await stranger.aclose()


async def _is_served(stranger: httpx.AsyncClient, path: str) -> bool:
    return (await stranger.get(path)).status_code == 200


async def _ask(stranger: httpx.AsyncClient, image_id: str, number: int, *, first_px: int = 1) -> list[httpx.Response]:
    paths = [f"/t/{image_id}/width={first_px + index}.png?wait=0" for index in range(number)]
    return await asyncio.gather(*map(stranger.get, paths))


def _granted(answers: list[httpx.Response], refill: Refill, *, spent: int = 0) -> int:
    """How many renders were begun: as many as the budget had, and what has come back to it since."""
    told = [(answer.status_code, answer.json()["code"]) for answer in answers]
    granted = told.count(NOT_READY)
    assert granted + told.count(REFUSED) == len(answers)
    assert PER_MINUTE <= granted + spent <= PER_MINUTE + refill.count()
    return granted
