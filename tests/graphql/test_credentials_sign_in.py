"""Sign in, refresh, sign out: short tokens, refresh tokens that are good once, and thieves that end the chain."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters
from redis.asyncio import Redis
from sqlalchemy import update

from app.db.engine import utc_now
from app.db.tables import refresh_tokens
from app.domain.plans import make_plans
from app.errors import Unauthorized
from app.ids import hash_secret
from app.rate_limit import RateLimiter
from app.services.accounts.accounts import AccountService
from app.services.credentials.sign_in import SignInService
from tests.support.accounts_fixture import People
from tests.support.client import Client, GraphQLFailure
from tests.support.credentials import ME, REFRESH, SIGN_IN, refusal_of, status_of, wait_closed
from tests.support.residents import PASSWORD, Person
from tests.support.servers.prepared import SECRET
from tests.support.site_rows import open_rows

SIGN_OUT = "mutation { signOut }"

Json = dict[str, Any]


def client_from(people: People, address: str, token: str | None = None, *, api: int = 0) -> Client:
    """A client behind the trusted proxy, so that each test has its own bucket."""
    client = Client(people.site.api_urls[api], token)
    client.http.headers["X-Forwarded-For"] = address
    return client


async def sign_in(people: People, person: Person, address: str = "198.51.100.1") -> Json:
    async with client_from(people, address) as client:
        answer = await client.ask(SIGN_IN, username=person.username, password=PASSWORD)
    payload: Json = answer["signIn"]
    return payload


async def refresh(people: People, token: str) -> Json:
    async with people.site.stranger(api=1) as client:
        payload: Json = (await client.ask(REFRESH, token=token))["refreshSession"]
    return payload


async def test_signing_in_gives_a_quarter_of_an_hour_and_all_scopes_but_admin(people: People) -> None:
    person = await people.add(password=PASSWORD)

    payload = await sign_in(people, person)

    left = datetime.fromisoformat(payload["expiresAt"]) - utc_now()
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)
    assert payload["viewer"]["username"] == person.username
    assert len(payload["viewer"]["scopes"]) == 10
    assert "ADMIN" not in payload["viewer"]["scopes"]
    assert payload["viewer"]["lastLoginAt"] is not None
    assert [await status_of(people.site, payload["accessToken"], api=api) for api in (0, 1)] == [200, 200]


async def test_wrong_name_wrong_password_no_password_and_disabled_look_the_same(people: People) -> None:
    person, keys_only, disabled = [await people.add(password=word) for word in (PASSWORD, None, PASSWORD)]
    await people.disable(disabled)
    tries = [
        (person.username, "wrong " + PASSWORD),
        ("nobody-of-this-name", PASSWORD),
        (keys_only.username, PASSWORD),
        (disabled.username, PASSWORD),
        ("ünknown\0", "\0"),
        ("", ""),
    ]

    async with client_from(people, "198.51.100.2") as client:
        answers = []
        for username, password in tries:
            with pytest.raises(GraphQLFailure) as failure:
                await client.ask(SIGN_IN, username=username, password=password)
            answers.append((failure.value.code, failure.value.errors[0]["message"]))

    assert len(set(answers)) == 1
    assert answers[0][0] == "UNAUTHORIZED"


async def test_unknown_name_is_as_much_work_as_a_wrong_password(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await people.add(password=PASSWORD)
    verified: list[Parameters] = []
    verify = PasswordHasher.verify

    def note(hasher: PasswordHasher, kept: str, password: bytes) -> bool:
        verified.append(extract_parameters(kept))
        return verify(hasher, kept, password)

    monkeypatch.setattr(PasswordHasher, "verify", note)
    async with (
        open_rows(people.site) as database,
        Redis.from_url(people.site.environment["SAFELIGHT_REDIS_URL"], decode_responses=True) as redis,
    ):
        accounts = AccountService(database, make_plans(100_000_000))
        service = SignInService(database, accounts, RateLimiter(redis), secret=SECRET)
        for username in (person.username, "nobody-at-all"):
            with pytest.raises(Unauthorized):
                await service.sign_in(username, "wrong")

    known, unknown = verified
    assert known == unknown, "as much memory and as many passes"


async def test_refreshing_gives_new_tokens_and_spends_the_old_one(people: People) -> None:
    first = await sign_in(people, await people.add(password=PASSWORD), "198.51.100.4")

    second = await refresh(people, first["refreshToken"])

    assert second["refreshToken"] != first["refreshToken"]
    assert await status_of(people.site, second["accessToken"]) == 200


async def age_use(people: People, refresh_token: str, seconds: float) -> None:
    """Let a spent token have been spent so long ago."""
    used = {"used_at": utc_now() - timedelta(seconds=seconds)}
    async with open_rows(people.site) as database, database.write() as db:
        hashed = refresh_tokens.c.token_hash == hash_secret(refresh_token)
        assert (await db.execute(update(refresh_tokens).where(hashed).values(**used))).rowcount == 1


async def test_two_tabs_that_refresh_at_once_get_the_same_successor(people: People) -> None:
    first = await sign_in(people, await people.add(password=PASSWORD), "198.51.100.14")

    second, again = [await refresh(people, first["refreshToken"]) for _ in range(2)]

    assert second["refreshToken"] == again["refreshToken"]
    for answer in (second, again):
        assert await status_of(people.site, answer["accessToken"]) == 200
    assert await refresh(people, second["refreshToken"])


async def test_the_grace_ends_with_the_use_of_the_successor(people: People) -> None:
    first = await sign_in(people, await people.add(password=PASSWORD), "198.51.100.15")
    second = await refresh(people, first["refreshToken"])
    third = await refresh(people, second["refreshToken"])

    with pytest.raises(GraphQLFailure) as thief:
        await refresh(people, first["refreshToken"])

    assert thief.value.code == "UNAUTHORIZED"
    with pytest.raises(GraphQLFailure):
        await refresh(people, third["refreshToken"])
    assert await status_of(people.site, third["accessToken"]) == 401


async def test_refresh_token_used_twice_ends_everything_of_its_sign_in(people: People) -> None:
    person = await people.add(password=PASSWORD)
    first = await sign_in(people, person, "198.51.100.5")
    other = await sign_in(people, person, "198.51.100.5")
    second = await refresh(people, first["refreshToken"])
    await age_use(people, first["refreshToken"], 11)
    async with Client(people.site.api_urls[0], second["accessToken"]) as client, client.socket() as socket:
        with pytest.raises(GraphQLFailure) as thief:
            await refresh(people, first["refreshToken"])

        assert thief.value.code == "UNAUTHORIZED"
        assert await wait_closed(socket) == 4403
    with pytest.raises(GraphQLFailure):
        await refresh(people, second["refreshToken"])
    assert await status_of(people.site, second["accessToken"]) == 401
    assert await status_of(people.site, other["accessToken"]) == 200, "another sign-in of the same account goes on"


async def test_many_at_once_get_the_same_tokens_and_the_chain_goes_on(people: People) -> None:
    first = await sign_in(people, await people.add(password=PASSWORD), "198.51.100.6")

    answers = await asyncio.gather(*(refresh(people, first["refreshToken"]) for _ in range(8)))

    assert len({answer["refreshToken"] for answer in answers}) == 1
    assert await refresh(people, answers[0]["refreshToken"])


async def test_signing_out_ends_access_and_refreshing_and_the_socket(people: People) -> None:
    payload = await sign_in(people, await people.add(password=PASSWORD), "198.51.100.7")

    async with Client(people.site.api_urls[0], payload["accessToken"]) as client:
        async with Client(people.site.api_urls[1], payload["accessToken"]).socket() as socket:
            assert await client.ask(SIGN_OUT) == {"signOut": True}
            assert await wait_closed(socket) == 4403
        assert await status_of(people.site, payload["accessToken"]) == 401
    with pytest.raises(GraphQLFailure):
        await refresh(people, payload["refreshToken"])


async def test_signing_out_with_an_api_key_ends_nothing_and_says_so(people: People) -> None:
    async with people.client(await people.add()) as client:
        assert await client.ask(SIGN_OUT) == {"signOut": False}
        assert await client.ask(ME)


async def test_disabling_an_account_ends_its_sign_ins(people: People) -> None:
    person = await people.add(password=PASSWORD)
    payload = await sign_in(people, person, "198.51.100.8")
    async with Client(people.site.api_urls[0], payload["accessToken"]) as client, client.socket() as socket:
        await people.disable(person)

        assert await wait_closed(socket) == 4403


async def test_forged_access_tokens_are_refused(people: People) -> None:
    good = (await sign_in(people, await people.add(password=PASSWORD), "198.51.100.9"))["accessToken"]
    claims = jwt.decode(good, options={"verify_signature": False})
    forged = [
        jwt.encode(claims, "", algorithm="none"),
        good[:-2] + ("AA" if good[-2:] != "AA" else "BB"),
        *(jwt.encode(claims, key, algorithm="HS256") for key in (SECRET, "x" * 64)),
    ]

    assert [await status_of(people.site, token) for token in forged] == [401] * len(forged)


@pytest.mark.parametrize("token", ["a.b.c", "..", "slr_unknown", "sl_unknown", "eyJhbGciOiJIUzI1NiJ9.e30.x"])
async def test_what_is_no_credential_is_refused(people: People, token: str) -> None:
    assert await status_of(people.site, token) == 401
    with pytest.raises(GraphQLFailure) as failure:
        await refresh(people, token)
    assert failure.value.code == "UNAUTHORIZED"


async def try_at_once(people: People, tries: list[tuple[str, str]]) -> list[str]:
    """Codes of wrong tries from these addresses with these names: at once, so that no bucket has time to refill."""

    async def one(number: int, address: str, username: str) -> str:
        async with client_from(people, address, api=number % 2) as client:
            return str((await refusal_of(client, SIGN_IN, username=username, password="wrong"))["code"])

    return await asyncio.gather(*(one(number, *each) for number, each in enumerate(tries)))


async def test_tries_are_limited_by_name_whatever_the_address(people: People) -> None:
    person = await people.add(password=PASSWORD)

    codes = await try_at_once(people, [(f"203.0.113.{number}", person.username) for number in range(16)])

    # One comes back every six seconds, which a slow machine may need.
    assert codes.count("UNAUTHORIZED") >= 10
    assert set(codes) == {"UNAUTHORIZED", "RATE_LIMITED"}


async def test_tries_are_limited_by_address_whatever_the_name(people: People) -> None:
    codes = await try_at_once(people, [("203.0.113.99", f"nobody-{number}") for number in range(30)])

    assert codes.count("UNAUTHORIZED") >= 20
    assert set(codes) == {"UNAUTHORIZED", "RATE_LIMITED"}
