"""No log line of any level holds a secret, whichever way it came; and each line is JSON that a machine can read."""

import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pytest
from redis import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from app.domain.signatures import sign
from tests.support.client import PROTOCOL, UNHURRIED, Client, GraphQLFailure
from tests.support.credentials import ME, REFRESH, SIGN_IN
from tests.support.pictures import make_jpeg
from tests.support.residents import PASSWORD, Residents
from tests.support.servers.prepared import SECRET, clean_environment
from tests.support.servers.redis import run_redis
from tests.support.site import Program, Site, run_site
from tests.support.site_fixtures import environment_of
from tests.support.tus import patch
from tests.support.waiting import wait_until

REDIS_PASSWORD = "redis-password-0123456789"
REFUSED = {401, 403, 404}
SIGNING_KEY = "{ signingKeys { value } }"


FULL = pytest.mark.full("a site each; that on SQLite says the most")


@pytest.fixture(
    scope="module",
    params=[
        ("sqlite+directory", "debug"),
        pytest.param(("postgresql+s3", "debug"), marks=FULL),
        pytest.param(("postgresql+s3", "info"), marks=FULL),
    ],
)
def talkative_site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One API and one worker that say all they ever say; every server wants a password that has one."""
    set_up, level = request.param
    with run_redis() as redis:
        with Redis.from_url(redis.url) as client:
            client.config_set("requirepass", REDIS_PASSWORD)
        url = redis.url.replace("unix://", f"unix://:{REDIS_PASSWORD}@")
        environment = {**environment_of(set_up, request), "SAFELIGHT_LOG_LEVEL": level}
        with run_site(tmp_path_factory.mktemp("talkative"), redis_url=url, environment=environment) as site:
            yield site


async def test_no_secret_is_ever_logged(talkative_site: Site) -> None:
    site = talkative_site
    secrets = {SECRET, REDIS_PASSWORD, PASSWORD, *_passwords_of(site.environment)}

    secrets |= await _sign_in(site)
    secrets |= await _upload_in_every_way(site)
    secrets |= await _ask_with_keys_in_every_place(site)
    _stop(site)

    assert len(secrets) > 12
    for program in site.programs:
        told = program.log
        assert [secret for secret in secrets if secret in told or quote(secret) in told] == [], program.name
        assert "query_string" not in told
        assert not re.search(r"[?&](token|sig|apiKey|api_key)=|[Aa]uthorization: ", told)


def _stop(site: Site) -> None:
    """See to it that everything is said; a program that has ended stays so."""
    for program in site.programs:
        program.stop()


async def test_every_line_is_one_json_object_without_a_terminals_colours(talkative_site: Site) -> None:
    _stop(talkative_site)

    for program in talkative_site.programs:
        lines = [json.loads(line) for line in program.log.splitlines()]
        assert {line["role"] for line in lines} == {program.name}
        assert [line for line in lines if "color_message" in line or "\x1b" in json.dumps(line)] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"SAFELIGHT_DATABASE_URL": "postgresql+asyncpg://somebody:{}@127.0.0.1:1/none"},
        {"SAFELIGHT_STORE_URL": "s3://somebody:{}@127.0.0.1:1/none?secure=0"},
        {"SAFELIGHT_REDIS_URL": "redis://:{}@127.0.0.1:1/0"},
    ],
    ids=["database", "store", "redis"],
)
@pytest.mark.parametrize(
    "program", ["api", pytest.param("worker", marks=pytest.mark.full("it opens its servers as the API does"))]
)
def test_a_server_that_is_not_there_is_told_of_without_its_password(
    wrong: dict[str, str], program: str, tmp_path: Path, redis_url: str
) -> None:
    password = "very-secret-password-0123456789"
    environment = {
        **clean_environment(),
        **{"SAFELIGHT_DATA_DIR": str(tmp_path), "SAFELIGHT_SECRET": SECRET, "SAFELIGHT_REDIS_URL": redis_url},
        **{name: value.format(password) for name, value in wrong.items()},
        **{"SAFELIGHT_LOG_LEVEL": "debug", "SAFELIGHT_PORT": "0"},
    }
    started = Program(program, environment, tmp_path / "log")

    started.start()
    wait_until(lambda: bool(started.log) or not started.is_running)
    started.stop()

    assert started.log
    assert password not in started.log


def _passwords_of(environment: dict[str, str]) -> set[str]:
    urls = [environment.get(f"SAFELIGHT_{name}_URL", "") for name in ("DATABASE", "STORE")]
    return {unquote(password) for url in urls if (password := urlsplit(url).password)}


async def _sign_in(site: Site) -> set[str]:
    person = await Residents(site).add(password=PASSWORD)
    async with site.stranger() as client:
        first = (await client.ask(SIGN_IN, username=person.username, password=PASSWORD))["signIn"]
        with contextlib.suppress(GraphQLFailure):
            await client.ask(SIGN_IN, username=person.username, password=PASSWORD + " no more")
        second = (await client.ask(REFRESH, token=first["refreshToken"]))["refreshSession"]
        await client.http.get("/v1/images", headers={"Cf-Access-Jwt-Assertion": second["accessToken"]})
    async with Client(site.base_url, second["accessToken"]) as client, client.socket():
        await client.ask(ME)
    return {person.key, *(tokens[name] for tokens in (first, second) for name in ("accessToken", "refreshToken"))}


async def _upload_in_every_way(site: Site) -> set[str]:
    secrets = set()
    async with site.client() as client:
        for number in range(4):
            content = make_jpeg(200 + number, 100)
            session = await client.open_session(len(content))
            secrets |= {session.token, *session.one_time_url.partition("?")[2].split("=")[1:]}
            if number == 0:
                await client.send_form(session, content)
            elif number == 1:
                await client.http.put(session.one_time_url, content=content)
            elif number == 2:
                await patch(client, session, 0, content)
            else:
                await client.http.put(f"{session.upload_url}?token={session.token}x", content=content)
                await client.send(session, content)
            async with client.socket(token=session.token):
                await client.wait_complete(session.image_id)
            async with _dial(session.one_time_url) as (_, status):
                assert status in REFUSED
    return secrets


async def _ask_with_keys_in_every_place(site: Site) -> set[str]:
    async with site.client() as client:
        key = str(client.key)
        shown = await client.upload(make_jpeg(320, 200), visibility="PRIVATE")
        await client.wait_complete(shown.image_id)
        value = (await client.ask(SIGNING_KEY))["signingKeys"][0]["value"]
        path = urlsplit(shown.urls["WEBP", "small"]).path
        signed = sign(path, "", key=value, expires_at_s=int(time.time()) + 3600)
        target, _, signature = signed.rpartition("&sig=")
        assert (await client.http.get(signed, headers={"Authorization": ""})).status_code == 200
        await client.http.get(f"{target}&sig={signature[::-1]}")
        await client.http.get(f"/graphql?query={{viewer{{username}}}}&apiKey={key}")
        await client.http.post("/graphql", json={"query": ME}, headers={"X-API-Key": key, "Authorization": ""})
        await client.http.get(f"/nothing?token={key}")
        async with _dial(f"{site.base_url}/graphql?apiKey={key}", Authorization=f"Bearer {key}") as (socket, status):
            assert status == 101
            assert socket is not None
            await socket.send(json.dumps({"type": "connection_init", "payload": {"X-API-Key": key}}))
            await socket.recv()
            await socket.send(f"no frame {key}")
        async with _dial(site.base_url + signed) as (_, status):
            assert status in REFUSED
    return {key, value, signature, signature[::-1]}


@contextlib.asynccontextmanager
async def _dial(url: str, **headers: str) -> AsyncIterator[tuple[ClientConnection | None, int]]:
    """A WebSocket to this address, and the status of its handshake."""
    address = url.replace("http", "ws", 1)
    try:
        async with connect(address, subprotocols=[PROTOCOL], additional_headers=headers, **UNHURRIED) as socket:
            yield socket, 101
    except InvalidStatus as refusal:
        yield None, refusal.response.status_code
