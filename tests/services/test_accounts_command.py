"""`safelight users` and `safelight keys`: every command against a real database, and what they refuse.

What makes and ends an account goes through processes of its own, as an operator starts them; the rest is run here.
"""

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from app import __version__
from app.commands.accounts import keys, users
from tests.support.accounts_fixture import People
from tests.support.client import Client, GraphQLFailure
from tests.support.waiting import LIMIT_S, eventually
from tests.support.ws_client import close_code

ME = "{ viewer { username plan scopes } }"
SIGN_IN = """mutation ($username: String!, $password: String!) {
  signIn(username: $username, password: $password) { viewer { username } }
}"""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def start(people: People, *words: str) -> Done:
    """Run it in a process of its own."""
    command = [sys.executable, "-m", "app", *words]
    ended = subprocess.run(
        command, env=people.site.environment, capture_output=True, text=True, check=False, timeout=LIMIT_S
    )
    return Done(ended.returncode, ended.stdout, ended.stderr)


def run(people: People, *words: str, stdin: str = "", **settings: str) -> Done:
    """Run it here: a process takes two seconds to start."""
    environment = people.site.environment | settings
    ended = CliRunner().invoke({"users": users, "keys": keys}[words[0]], words[1:], input=stdin, env=environment)
    return Done(ended.exit_code, ended.stdout, ended.stderr)


async def run_beside(people: People, *words: str, stdin: str = "") -> Done:
    """Run it here in a thread, as it has an event loop of its own; it must succeed."""
    done = await asyncio.to_thread(run, people, *words, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done


def run_json(people: People, *words: str) -> Any:
    return read_json(run(people, *words, "--json"))


def read_json(done: Done) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_life_of_an_account_from_the_command_line(people: People) -> None:
    added = start(people, "users", "add", "gerda", "--plan", "small", "--email", "g@example.org")
    key = read_json(start(people, "keys", "add", "gerda", "--name", "shell", "--scope", "account:read", "--json"))

    assert added.returncode == 0, added.stderr
    async with Client(people.site.base_url, key["secret"]) as client:
        viewer = (await client.ask(ME))["viewer"]
        assert viewer == {"username": "gerda", "plan": "small", "scopes": ["ACCOUNT_READ"]}

        await run_beside(people, "users", "set-plan", "gerda", "few")
        await eventually(lambda: _has_plan(client, "few"), "the plan is few")
        async with client.socket() as socket:
            assert start(people, "users", "disable", "gerda").returncode == 0
            assert await close_code(socket) == 4403
        listing = await run_beside(people, "users", "list", "--json")
        rows = {row["username"]: row for row in read_json(listing)}
        assert rows["gerda"]["status"] == "disabled"
        await run_beside(people, "users", "enable", "gerda")
        await eventually(lambda: _has_plan(client, "few"), "the plan is few")
        async with client.socket() as socket:
            assert start(people, "keys", "revoke", "gerda", key["prefix"]).returncode == 0
            assert await close_code(socket) == 4403
    (listed,) = read_json(await run_beside(people, "keys", "list", "gerda", "--json"))
    assert (listed["name"], listed["scopes"]) == ("shell", ["account:read"])
    assert listed["revoked"] is not None
    assert key["secret"] not in json.dumps(listed)


def test_a_key_is_named_by_any_beginning_that_is_its_alone(people: People) -> None:
    assert run(people, "users", "add", "karla").returncode == 0
    first, second = (run_json(people, "keys", "add", "karla", "--name", name) for name in ("first", "second"))
    beginning = first["prefix"][
        : next(at for at, (a, b) in enumerate(zip(first["secret"], second["secret"], strict=True)) if a != b) + 1
    ]

    assert "2 keys of karla begin so" in run(people, "keys", "revoke", "karla", "sl_").stderr
    assert "no such key of karla" in run(people, "keys", "revoke", "karla", "").stderr
    revoked = run(people, "keys", "revoke", "karla", beginning)

    assert revoked.stdout == f"{first['prefix']}… is revoked.\n"
    assert {key["name"]: key["revoked"] is None for key in run_json(people, "keys", "list", "karla")} == {
        "first": False,
        "second": True,
    }
    assert run(people, "keys", "revoke", "karla", "sl_").stdout == f"{second['prefix']}… is revoked.\n"


async def _has_plan(client: Client, plan: str) -> bool:
    answer = await client.http.post("/graphql", json={"query": ME})
    return bool(answer.status_code == 200 and answer.json()["data"]["viewer"]["plan"] == plan)


async def test_password_from_stdin_signs_in_and_a_new_one_ends_the_old(people: People) -> None:
    await run_beside(people, "users", "add", "hans", "--password", stdin="old password\n")
    await run_beside(people, "users", "set-password", "hans", stdin="new password\n")

    async with people.site.stranger() as client:
        client.http.headers["X-Forwarded-For"] = "198.51.100.200"
        with pytest.raises(GraphQLFailure):
            await client.ask(SIGN_IN, username="hans", password="old password")
        signed_in = await client.ask(SIGN_IN, username="HANS", password="new password")

    assert signed_in["signIn"]["viewer"]["username"] == "hans"


def test_tables_are_for_people(people: People) -> None:
    listed = run(people, "users", "list")

    assert listed.returncode == 0
    assert "admin" in listed.stdout
    assert "last sign in" in listed.stdout


def test_nothing_is_cut_off_that_must_be_copied(people: People) -> None:
    (key, *_) = run_json(people, "keys", "list", "admin")

    listed = run(people, "keys", "list", "admin")

    assert "last_used" in key
    assert "…" not in listed.stdout
    assert f"{key['id']}  {key['prefix']}" in listed.stdout


def test_version_and_usage_call_it_safelight(people: People) -> None:
    assert start(people, "--version").stdout == f"safelight, version {__version__}\n"
    assert start(people, "keys", "--help").stdout.startswith("Usage: safelight keys ")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("users", "add", "admin"), "is not reserved"),
        (("users", "add", "Not A Name"), "A username has"),
        (("users", "add", "ida", "--plan", "gold"), "no plan called 'gold'"),
        (("users", "add", "ida", "--password"), "A password has 8 to"),
        (("users", "disable", "nobody"), "no account called 'nobody'"),
        (("users", "set-plan", "nobody", "free"), "no account called 'nobody'"),
        (("keys", "add", "nobody"), "no account called 'nobody'"),
        (("keys", "revoke", "admin", "sl_none"), "no such key of admin"),
        (("keys", "add", "admin", "--expires", "2020-01-01"), "must lie in the future"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(people: People, words: tuple[str, ...], reason: str) -> None:
    done = run(people, *words, stdin="\n")

    assert done.returncode == 1
    assert reason in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"SAFELIGHT_PLANS_FILE": "nowhere.toml"},
        {"SAFELIGHT_TRUSTED_PROXIES": '["10.0.0.0/33"]'},
        {"SAFELIGHT_JWT_AUDIENCE": ""},
        {"SAFELIGHT_JWT_JWKS_URL": "ftp://example.org"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_wrong_settings_are_told_in_one_line_that_names_them(people: People, wrong: dict[str, str]) -> None:
    done = run(people, "users", "list", **wrong)

    assert (done.returncode, done.stdout) == (1, "")
    assert next(iter(wrong)) in done.stderr
    assert len(done.stderr.splitlines()) == 1


CREATE_KEY = """mutation { createApiKey(input: {name: "made", scopes: [KEYS_READ, KEYS_WRITE]}) {
  secret apiKey { prefix }
} }"""


async def _sign_in(people: People, username: str) -> str:
    async with people.site.stranger() as client:
        client.http.headers["X-Forwarded-For"] = "198.51.100.201"
        query = SIGN_IN.replace("{ viewer { username } }", "{ accessToken }")
        return str((await client.ask(query, username=username, password="a password"))["signIn"]["accessToken"])


async def _batch_token(client: Client) -> str:
    answer = await client.http.get(f"/client/v4/accounts/{'0' * 32}/images/v1/batch_token")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["result"]["token"])


async def _is_refused(people: People, token: str) -> bool:
    async with Client(people.site.base_url, token) as client:
        return (await client.http.post("/graphql", json={"query": "{ __typename }"})).status_code == 401


@pytest.mark.parametrize("ending", ["set-password", "sign-out", "everywhere"])
async def test_all_that_sign_ins_gave_ends_and_the_keys_that_they_made_are_listed(people: People, ending: str) -> None:
    name = f"ina-{ending}"
    await run_beside(people, "users", "add", name, "--password", stdin="a password\n")
    own = read_json(await run_beside(people, "keys", "add", name, "--json"))
    access = await _sign_in(people, name)
    async with Client(people.site.base_url, access) as signed_in, Client(people.site.base_url, own["secret"]) as by_key:
        made = (await signed_in.ask(CREATE_KEY))["createApiKey"]
        batches = [await _batch_token(client) for client in (signed_in, by_key)]
        async with Client(people.site.base_url, made["secret"]) as by_made:
            child = (await by_made.ask(CREATE_KEY))["createApiKey"]
        assert not any([await _is_refused(people, token) for token in (*batches, access)])

        if ending == "everywhere":
            assert await by_key.ask("mutation { signOut(everywhere: true) }") == {"signOut": True}
        else:
            await run_beside(people, "users", ending, name, stdin="a password\n")
    for token in (*batches, access):
        await eventually(lambda token=token: _is_refused(people, token), "the token has ended")
    assert not any([await _is_refused(people, secret) for secret in (own["secret"], made["secret"], child["secret"])])

    listed = await run_beside(people, "users", "sign-out", name, "--revoke-keys")

    assert all(key["apiKey"]["prefix"] in listed.stdout for key in (made, child))
    assert own["prefix"] not in listed.stdout
    for key in (made, child):
        await eventually(lambda secret=key["secret"]: _is_refused(people, secret), "the key is revoked")
    assert not await _is_refused(people, own["secret"])
