"""JSON Web Tokens of a configured issuer, against a real JWKS server: which are believed, and whose they are."""

import contextlib
import time
from typing import Any
from uuid import uuid4

import jwt
import pytest
from websockets.exceptions import ConnectionClosed

from app.ids import make_uuid
from tests.support.accounts_fixture import People
from tests.support.client import Client, GraphQLFailure
from tests.support.credentials import status_of, wait_closed
from tests.support.further_api import further_api
from tests.support.pictures import make_jpeg
from tests.support.waiting import eventually

ME = "{ viewer { id username email plan scopes } }"
HOUR_S = 3_600


async def viewer_of(people: People, token: str, *, api: int = 0) -> dict[str, Any]:
    async with Client(people.site.api_urls[api], token) as client:
        return dict((await client.ask(ME))["viewer"])


async def test_new_subject_gets_an_account_that_stays_its_own_on_every_process(people: People) -> None:
    token = people.issuer.token(sub="anna", email="Anna.Lee@example.org", email_verified=True)

    first = await viewer_of(people, token)
    again = await viewer_of(people, people.issuer.token(sub="anna", email="new@example.org"), api=1)

    assert first["username"] == "anna-lee"
    assert (first["email"], first["plan"]) == ("Anna.Lee@example.org", "free")
    assert "ADMIN" not in first["scopes"]
    assert again == first


async def test_other_subject_of_the_same_name_gets_another_account(people: People) -> None:
    first = await viewer_of(people, people.issuer.token(sub="b1", email="bert@one.example"))
    second = await viewer_of(people, people.issuer.token(sub="b2", email="bert@two.example"))

    assert [first["username"], second["username"]] == ["bert", "bert-2"]


async def test_account_with_the_email_address_is_taken_over_once(people: People) -> None:
    person = await people.add(email="carla@example.org")

    verified: dict[str, Any] = {"email_verified": "true"}
    first = await viewer_of(people, people.issuer.token(sub="carla", email="Carla@Example.org", **verified))
    other = await viewer_of(people, people.issuer.token(sub="not-carla", email="carla@example.org", **verified))

    assert first["username"] == person.username
    assert other["username"] != person.username


@pytest.mark.parametrize("said", [False, "false", None, 1, "yes", []])
async def test_unverified_email_address_takes_nothing_over(people: People, said: object) -> None:
    address = f"dora-{make_uuid().hex}@example.org"
    person = await people.add(email=address)

    viewer = await viewer_of(people, people.issuer.token(sub=f"d-{address}", email=address, email_verified=said))

    assert viewer["username"] != person.username
    assert viewer["email"] is None


async def test_verified_address_opens_nothing_where_the_operator_did_not_say_so(people: People) -> None:
    person = await people.add(email="edda@example.org")
    token = people.issuer.token(sub="edda", email="edda@example.org", email_verified=True)

    with further_api(people.site, SAFELIGHT_JWT_CLAIM_BY_EMAIL="0") as served:
        async with Client(served.base_url, token) as client:
            viewer = (await client.ask("{ viewer { username } }"))["viewer"]

    assert viewer["username"] != person.username


async def test_service_token_without_a_subject_is_known_by_its_common_name(people: People) -> None:
    viewer = await viewer_of(people, people.issuer.token(sub="", common_name="f00.access"))

    assert viewer == await viewer_of(people, people.issuer.token(sub="", common_name="f00.access"), api=1)


async def test_other_algorithms_and_new_keys_are_learnt(people: People) -> None:
    key_ids = {algorithm: f"rotated-{uuid4().hex}" for algorithm in ("ES256", "EdDSA")}
    for algorithm, key_id in key_ids.items():
        people.issuer.add_key(key_id, algorithm)
    tokens = [people.issuer.token(key_id=key_id, sub=algorithm) for algorithm, key_id in key_ids.items()]

    async def are_good() -> bool:
        return [await status_of(people.site, token) for token in tokens] == [200, 200]

    # A key that is not known yet is asked for again after 5 s at the earliest.
    await eventually(are_good)
    for key_id in key_ids.values():
        people.issuer.withdraw(key_id)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 1},
        {"exp": None},
        {"nbf": int(time.time()) + HOUR_S},
        {"iss": "https://somebody.else.example"},
        {"iss": None},
        {"aud": "somebody-else"},
        {"aud": None},
        {"aud": []},
        {"sub": None},
        {"sub": ""},
        {"exp": "soon"},
        {"nbf": "soon"},
    ],
)
async def test_token_with_wrong_claims_is_refused(people: People, claims: dict[str, Any]) -> None:
    assert await status_of(people.site, people.issuer.token(**claims)) == 401


async def test_forged_tokens_are_refused(people: People) -> None:
    good = people.issuer.token(sub="forger")
    claims = jwt.decode(good, options={"verify_signature": False})
    header, _, rest = good.partition(".")
    people.issuer.add_key("hidden", "RS256", is_published=False)
    public_text = str(people.issuer.published[0]["n"])
    forged = {
        "no signature": jwt.encode(claims, "", algorithm="none", headers={"kid": "first"}),
        "public key as password": jwt.encode(claims, public_text, algorithm="HS256", headers={"kid": "first"}),
        "unknown key": people.issuer.token(key_id="hidden", sub="forger"),
        "another's key id": people.issuer.token(key_id="hidden", headers={"kid": "first"}),
        "changed": f"{header}.{jwt.encode({**claims, 'sub': 'x'}, 'k' * 32).split('.')[1]}.{rest.partition('.')[2]}",
        "key id of another kind": people.issuer.token(headers={"kid": "first", "alg": "RS512"}),
    }

    statuses = {name: await status_of(people.site, token) for name, token in forged.items()}

    assert set(statuses.values()) == {401}, statuses


async def test_made_up_key_ids_do_not_make_us_ask_the_issuer_each_time(people: People) -> None:
    await viewer_of(people, people.issuer.token(sub="asker"))
    before = people.issuer.requests

    for number in range(40):
        await status_of(people.site, people.issuer.token(headers={"kid": f"made-up-{number}"}))

    # Once in five seconds, however slow this machine is.
    assert people.issuer.requests - before < 20


async def test_assertion_of_a_proxy_authenticates_and_a_key_wins_over_it(people: People) -> None:
    token = people.issuer.token(sub="behind-access", email="eve@example.org")
    person = await people.add()

    async with people.site.stranger() as nobody, people.client(person) as somebody:
        for client in (nobody, somebody):
            client.http.headers["Cf-Access-Jwt-Assertion"] = token
        by_assertion, by_key = [(await client.ask(ME))["viewer"]["username"] for client in (nobody, somebody)]

    assert (by_assertion, by_key) == ("eve", person.username)


async def test_wrong_assertion_is_refused(people: People) -> None:
    async with people.site.stranger() as client:
        client.http.headers["Cf-Access-Jwt-Assertion"] = people.issuer.token(aud="somebody-else")

        assert (await client.http.post("/graphql", json={"query": "{ __typename }"})).status_code == 401


async def test_token_opens_its_owners_private_pictures(people: People) -> None:
    token = people.issuer.token(sub="photographer")
    async with Client(people.site.base_url, token) as owner, people.site.stranger() as nobody:
        session = await owner.upload(make_jpeg(97, 61), visibility="PRIVATE")
        url = session.urls["ORIGINAL", "original"]
        nobody.http.headers["Cf-Access-Jwt-Assertion"] = token

        answers = [await client.http.get(url, params={"wait": 30}) for client in (owner, nobody)]
        assert [answer.status_code for answer in answers] == [200, 200]


async def test_socket_ends_with_its_token(people: People) -> None:
    # A busy machine may need more than the first lifetime until the socket is open.
    for lifetime_s in (2, 60):
        token = people.issuer.token(sub="short", exp=int(time.time()) + lifetime_s)
        with contextlib.suppress(ConnectionClosed):
            async with Client(people.site.base_url, token) as client, client.socket() as socket:
                assert await wait_closed(socket) == 4403
                return
    raise AssertionError("no socket was opened")


async def test_known_keys_serve_while_the_issuer_is_away(people: People) -> None:
    await viewer_of(people, people.issuer.token(sub="frank"))
    people.issuer.is_away = True
    try:
        assert (await viewer_of(people, people.issuer.token(sub="frank")))["username"]
    finally:
        people.issuer.is_away = False


async def test_disabled_account_stays_out_whatever_the_issuer_says(people: People) -> None:
    person = await people.add(email="gone@example.org")
    token = people.issuer.token(sub="gone", email="gone@example.org", email_verified=True)
    assert (await viewer_of(people, token))["username"] == person.username
    async with Client(people.site.base_url, token) as client, client.socket() as socket:
        await people.disable(person)

        assert await wait_closed(socket) == 4403
        with pytest.raises(GraphQLFailure):
            await client.ask(ME)
