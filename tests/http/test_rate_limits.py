"""Rate limits: one count over all processes, told in headers, by address for guests; without Redis one for each."""

import asyncio
import json
import time
from collections.abc import Callable
from functools import partial

import pytest
from redis.asyncio import Redis

from app.errors import RateLimited
from app.rate_limit import (
    Rate,
    RateLimiter,
    counted_address,
    find_client_address,
    parse_networks,
    rate_note,
)
from app.telemetry import COUNTED_ALONE
from app.token_buckets import MAX_BUCKETS_HERE, Bucket, OwnBuckets
from tests.support.accounts_fixture import People
from tests.support.client import OPEN_SESSION, Client, GraphQLFailure
from tests.support.further_api import further_api
from tests.support.pictures import make_jpeg
from tests.support.servers.redis import RedisServer
from tests.support.waiting import LIMIT_S, eventually, in_time

SLOW = Rate("test", 5, 1_000_000)
OPEN_MANY = """mutation ($inputs: [CreateUploadSessionInput!]!) {
  createUploadSessions(inputs: $inputs) { session { id } }
}"""


async def open_code(client: Client) -> str:
    try:
        await client.open_session(1_000)
    except GraphQLFailure as failure:
        return failure.code
    return "opened"


class TestUploads:
    async def test_of_20_at_once_over_two_processes_the_plans_number_is_opened(self, people: People) -> None:
        person = await people.add("daily")

        async with people.client(person, api=0) as here, people.client(person, api=1) as there:
            codes = await asyncio.gather(*(open_code(client) for client in [here, there] * 10))

        assert codes.count("opened") == 3
        assert codes.count("RATE_LIMITED") == 17

    async def test_answer_says_how_many_are_left_and_when_to_come_back(self, people: People) -> None:
        person = await people.add("slow")

        async with people.client(person) as client:
            body = {"query": OPEN_SESSION, "variables": {"input": {"fileSize": 1_000}}}
            answers = [await client.http.post("/graphql", json=body) for _ in range(4)]

        assert [answer.headers["x-ratelimit-limit"] for answer in answers] == ["3"] * 4
        assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert 0 < int(answers[0].headers["x-ratelimit-reset"]) <= 20
        assert "retry-after" not in answers[2].headers
        (error,) = answers[3].json()["errors"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert 1 <= error["extensions"]["retryAfter"] <= 20
        assert answers[3].headers["retry-after"] == str(error["extensions"]["retryAfter"])

    async def test_many_in_one_request_count_as_many_all_or_none(self, people: People) -> None:
        person = await people.add("daily")
        wanted = [{"fileSize": 1_000}]

        async with people.client(person) as client:
            with pytest.raises(GraphQLFailure) as refusal:
                await client.ask(OPEN_MANY, inputs=wanted * 4)
            await client.ask(OPEN_MANY, inputs=wanted * 3)

            assert refusal.value.code == "RATE_LIMITED"
            assert await open_code(client) == "RATE_LIMITED"

    async def test_plan_without_rates_is_not_counted(self, people: People) -> None:
        async with people.client(await people.add("owner")) as client:
            body = {"query": OPEN_SESSION, "variables": {"input": {"fileSize": 1_000}}}
            answer = await client.http.post("/graphql", json=body)

        assert "x-ratelimit-limit" not in answer.headers


class TestGuests:
    @staticmethod
    def guest(people: People, forwarded_for: str, *, api: int = 0) -> Client:
        client = Client(people.site.api_urls[api], None)
        client.http.headers["X-Forwarded-For"] = forwarded_for
        return client

    async def test_guest_uploads_without_a_credential(self, people: People) -> None:
        async with self.guest(people, "192.0.2.50") as client:
            assert (await client.ask("{ server { guestUploads } }"))["server"] == {"guestUploads": True}
            session = await client.upload(make_jpeg(411, 90))
            events = [event async for event in client.watch(session.image_id, token=session.token)]
            with pytest.raises(GraphQLFailure) as refusal:
                await client.ask("{ images { nodes { id } } }")

        assert events[-1]["complete"] is True
        assert refusal.value.code == "UNAUTHORIZED", "a guest may send, and see nothing of others"

    async def test_each_address_has_its_own_count(self, people: People) -> None:
        codes = []
        for last in (60, 60, 60, 60, 61):
            async with self.guest(people, f"192.0.2.{last}", api=last % 2) as client:
                codes.append(await open_code(client))

        assert codes == ["opened", "opened", "opened", "RATE_LIMITED", "opened"]

    async def test_what_stands_before_the_trusted_proxys_word_is_not_believed(self, people: People) -> None:
        codes = []
        for forged in range(4):
            async with self.guest(people, f"203.0.113.{forged}, 192.0.2.70") as client:
                codes.append(await open_code(client))

        assert codes == ["opened", "opened", "opened", "RATE_LIMITED"]

    async def test_forged_addresses_are_ignored_where_no_proxy_is_trusted(self, people: People) -> None:
        codes = []
        with further_api(people.site, SAFELIGHT_TRUSTED_PROXIES=json.dumps(["10.0.0.0/8"])) as doubtful:
            for forged in range(4):
                async with doubtful.stranger() as client:
                    client.http.headers["X-Forwarded-For"] = f"203.0.113.{forged}"
                    codes.append(await open_code(client))

        assert codes == ["opened", "opened", "opened", "RATE_LIMITED"]


class TestLimiter:
    async def test_tokens_come_back_with_time(self, redis_url: str) -> None:
        rate, slow = Rate("test", 2, 1), Rate("test", 2, 2_000)
        async with Redis.from_url(redis_url, decode_responses=True) as redis:
            limiter = RateLimiter(redis)
            # Some may come back while a busy machine asks.
            await eventually(partial(refused, limiter, rate))
            await eventually(partial(passes, limiter, rate))
            await limiter.take("another", [slow], count=2)
            with pytest.raises(RateLimited) as refusal:
                await limiter.take("another", [slow])

        assert 900 < (refusal.value.retry_after_s or 0) <= 1_000
        assert refusal.value.status == 429

    async def test_refusal_by_one_bucket_takes_nothing_from_the_others(self, redis_url: str) -> None:
        tight = Rate("tight", 1, 1_000_000)
        async with Redis.from_url(redis_url, decode_responses=True) as redis:
            limiter = RateLimiter(redis)
            await limiter.take("somebody", [tight, SLOW])
            for _ in range(3):
                assert await refused(limiter, tight, SLOW)
            await limiter.take("somebody", [SLOW], count=4)

            assert await refused(limiter, SLOW)

    async def test_others_have_buckets_of_their_own_and_buckets_vanish_when_they_are_full(self, redis_url: str) -> None:
        async with Redis.from_url(redis_url, decode_responses=True) as redis:
            limiter = RateLimiter(redis)
            await limiter.take("one", [Rate("test", 5, 1_000)], count=5)
            await limiter.take("another", [SLOW], count=5)
            key = (await redis.keys("safelight:rate:{one}*"))[0]

            assert 880_000 < await redis.pttl(key) <= 1_001_000

    async def test_without_redis_a_process_counts_alone_from_what_it_heard_last(
        self, private_redis: Callable[[], RedisServer]
    ) -> None:
        server = private_redis()
        async with Redis.from_url(server.url, decode_responses=True, socket_timeout=LIMIT_S) as redis:
            limiter = RateLimiter(redis)
            await limiter.take("somebody", [SLOW], count=2)
            server.kill()
            before = COUNTED_ALONE._value.get()

            await limiter.take("somebody", [SLOW], count=3)
            with pytest.raises(RateLimited) as refusal:
                await limiter.take("somebody", [SLOW])
            await limiter.give_back("somebody", [SLOW])
            await limiter.take("somebody", [SLOW])
            await limiter.take("another", [SLOW], count=5)

            assert refusal.value.details == {"limit": 5, "remaining": 0, "reset": 1_000_000}
            assert await refused(limiter, SLOW)
            assert COUNTED_ALONE._value.get() - before == 6

    async def test_redis_that_hangs_keeps_nobody_waiting(self, private_redis: Callable[[], RedisServer]) -> None:
        server = private_redis()
        async with Redis.from_url(server.url, decode_responses=True, socket_timeout=None) as redis:
            limiter = RateLimiter(redis)
            await limiter.take("somebody", [SLOW])
            server.pause()
            try:
                # It hangs without an end: that there are answers is the proof.
                passed = await in_time(asyncio.gather(*(refused(limiter, SLOW) for _ in range(20))))
            finally:
                server.resume()

        assert passed.count(False) == 4

    async def test_time_that_this_process_needs_itself_is_not_held_against_redis(self, redis_url: str) -> None:
        async with Redis.from_url(redis_url, decode_responses=True) as redis:
            limiter = RateLimiter(redis)
            before = COUNTED_ALONE._value.get()
            asking = [asyncio.create_task(refused(limiter, SLOW)) for _ in range(10)]
            while not all(task.done() for task in asking):
                time.sleep(0.15)  # noqa: ASYNC251  (what is tried here)
                await asyncio.sleep(0)

            assert [task.result() for task in asking].count(False) == 5
            assert COUNTED_ALONE._value.get() == before

    async def test_who_hangs_up_takes_nobody_elses_answer_along(self, redis_url: str) -> None:
        async with Redis.from_url(redis_url, decode_responses=True) as redis:
            limiter = RateLimiter(redis)
            asking = [asyncio.create_task(refused(limiter, SLOW)) for _ in range(5)]
            await asyncio.sleep(0)
            asking[0].cancel()
            asking[2].cancel()

            await in_time(asyncio.wait(asking))

        assert [task.cancelled() for task in asking] == [True, False, True, False, False]

    def test_buckets_in_memory_are_bounded_however_many_addresses_ask(self) -> None:
        own = OwnBuckets()
        for number in range(MAX_BUCKETS_HERE * 2):
            own.draw([Bucket(f"address:{number}", 1, 1e-6)], 1)

        newest = own.draw([Bucket(f"address:{MAX_BUCKETS_HERE * 2 - 1}", 1, 1e-6)], 1)

        assert len(own) == MAX_BUCKETS_HERE
        assert newest.wait_s > 0

    async def test_tightest_bucket_is_told(self, redis_url: str) -> None:
        rate_note.set([])
        async with Redis.from_url(redis_url, decode_responses=True) as redis:
            await RateLimiter(redis).take("somebody", [Rate("a", 10, 60), Rate("b", 1_000, 86_400)])

        notes = rate_note.get()
        assert notes is not None
        assert (notes[0].limit, notes[0].remaining, notes[0].reset_s) == (10, 9, 6)


async def passes(limiter: RateLimiter, *rates: Rate) -> bool:
    return not await refused(limiter, *rates)


async def refused(limiter: RateLimiter, *rates: Rate) -> bool:
    try:
        await limiter.take("somebody", rates)
    except RateLimited:
        return True
    return False


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "found"),
    [
        ("203.0.113.9", ["1.2.3.4"], [], "203.0.113.9"),
        ("203.0.113.9", ["1.2.3.4"], ["10.0.0.0/8"], "203.0.113.9"),
        ("10.0.0.1", ["1.2.3.4"], ["10.0.0.0/8"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4"], ["10.0.0.0/8"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4, 10.0.0.2"], ["10.0.0.0/8"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6", "1.2.3.4"], ["10.0.0.0/8"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, nonsense"], ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", [""], ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", [], ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3"], ["10.0.0.0/8"], "10.0.0.3"),
        ("10.0.0.1", ["1.2.3.4:5678"], ["10.0.0.1"], "1.2.3.4"),
        ("10.0.0.1", ["[2001:db8::1]:443"], ["10.0.0.1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["1.2.3.4"], ["10.0.0.1"], "1.2.3.4"),
        ("2001:db8::9", ["1.2.3.4"], ["2001:db8::/32"], "1.2.3.4"),
        (None, ["1.2.3.4"], ["10.0.0.0/8"], "unknown"),
    ],
)
def test_client_is_whom_the_last_trusted_proxy_saw(
    peer: str | None, forwarded: list[str], trusted: list[str], found: str
) -> None:
    assert find_client_address(peer, forwarded, parse_networks(trusted)) == found


def test_of_ipv6_the_subscribers_network_is_counted() -> None:
    assert counted_address("2001:db8:1:2:3:4:5:6") == counted_address("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    assert counted_address("fe80::1%eth0") == "fe80::/64"
    assert counted_address("192.0.2.1") == "192.0.2.1"
