"""/openapi.json describes every route there is and nothing else; schemathesis holds a running server against it."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.routing import BaseRoute, Mount, Route

from app.db.engine import Database
from app.db.migrating import migrate
from app.routes.hosts import PictureHosts
from app.routes.openapi import make_document
from app.settings import Settings
from app.web import Server
from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.paths import ROOT
from tests.support.pictures import make_jpeg
from tests.support.residents import PASSWORD, Residents
from tests.support.servers.redis import RedisServer, run_redis
from tests.support.site import Site, run_site
from tests.support.slink_api import jwt_of

METHODS = {"get", "post", "put", "patch", "delete", "head", "options"}
# What is no part of an API: the way to the pages, and what they load.
PAGES = {"/", "/assets/{name}", "/favicon.ico", "/robots.txt"}
EXAMPLES = int(os.environ.get("SAFELIGHT_OPENAPI_EXAMPLES", "10"))
"""Random requests for each operation, beside those that schemathesis makes of the schema's edges."""
SAMPLE = r"^/(v1/(albums|tags)|client/v4/accounts/[^/]+/images/v1/(stats|keys)|api/v1/user/profile|oembed|readyz)$"
"""Paths of each face and of none, which `make test` asks."""
SLOW_S = 2_400
# What can be promised. That whatever fits the schema is taken, or the reverse, cannot: rules go beyond schemas.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)
CONFIG = """
# Drafts have no picture: 503 says that it may come, and nobody has to wait for it here.
[[operations]]
include-tag = "Pictures"
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]
parameters = { "query.wait" = 0 }

# Below it every other method means an image whose own id ends so.
[[operations]]
include-path-regex = "/blob$"
checks.unsupported_method.enabled = false

# oEmbed itself wants 501 for a format that a provider does not have.
[[operations]]
include-path = "/oembed"
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 501]
"""

Described = set[tuple[str, str]]


def described() -> Described:
    """Method and path of every operation."""
    paths = make_document("0", "http://localhost")["paths"]
    assert isinstance(paths, dict)
    return {(method, path) for path, operations in paths.items() for method in operations if method in METHODS}


def routed(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of every route, mounts opened; HEAD only where it is no more than a GET without its body."""
    for route in routes:
        if isinstance(route, Mount):
            yield from routed(route.routes, prefix + route.path)
        elif isinstance(route, Route):
            path = prefix + re.sub(r":\w+}", "}", route.path)
            methods = {method.lower() for method in route.methods or ()}
            yield from ((method, path) for method in methods if method != "head" or "get" not in methods)


async def test_every_route_is_described_and_nothing_else(tmp_path: Path, redis_server: RedisServer) -> None:
    settings = Settings(
        data_dir=tmp_path, redis_url=redis_server.url, secret=SecretStr("x" * 32), guest_uploads=True, _env_file=None
    )
    database = Database(settings.sql_url)
    await migrate(database)
    await database.close()
    server = Server(settings)
    async with server.running():
        found = {operation for operation in routed(server.routes) if operation[1] not in PAGES}

    own = {operation for operation in described() if not is_picture(operation[1])}
    assert own - found == set()
    assert {operation for operation in found if not is_picture(operation[1])} - own == set()


def is_picture(path: str) -> bool:
    """Is it answered by the pictures' part of the server, which knows no routes?"""
    hosts = PictureHosts(base_url="http://localhost", cdn_url="http://localhost/cdn")
    scope = {"type": "http", "path": path, "headers": []}
    return hosts.is_picture(scope)


def test_every_place_of_pictures_is_described() -> None:
    places = {path.split("/")[1] for _, path in described() if is_picture(path)}

    assert places == {"f", "i", "t", "image", "images", "cdn", "cdn-cgi"}


@dataclass(frozen=True)
class Victim:
    """A running server, and the token of somebody whose keys may all be revoked."""

    site: Site
    token: str


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """One API and one worker that let guests in; not a shared site, as every operation is tried on it."""
    data_dir = tmp_path_factory.mktemp("victim")
    settings = {"SAFELIGHT_GUEST_UPLOADS": "1"}
    with run_redis() as redis, run_site(data_dir, redis_url=redis.url, environment=settings) as site:
        yield Victim(site, asyncio.run(sign_in(Residents(site))))


async def sign_in(people: Residents) -> str:
    """The access token of somebody new."""
    return await jwt_of(people, await people.add(password=PASSWORD))


async def test_the_document_is_served_to_everybody(people: People) -> None:
    async with people.site.stranger() as nobody:
        answer = await nobody.http.get("/openapi.json")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json()["openapi"] == "3.1.0"
    assert answer.json()["servers"] == [{"url": people.site.base_url}]


def test_requests_of_a_sample_are_answered_as_described(people: People, tmp_path: Path) -> None:
    visited = Victim(people.site, asyncio.run(sign_in(people)))

    answer = run_schemathesis(visited, tmp_path, "--include-path-regex", SAMPLE, "--max-examples", "1")

    assert answer.returncode == 0, answer.stdout[-20_000:]


@pytest.mark.full("every operation; make test asks a sample")
@pytest.mark.timeout(SLOW_S)
def test_no_request_finds_a_server_error_or_what_is_not_described(victim: Victim, tmp_path: Path) -> None:
    answer = run_schemathesis(victim, tmp_path, "--max-examples", str(EXAMPLES))

    assert answer.returncode == 0, answer.stdout[-20_000:]


@pytest.mark.full("every GET of what there is; make test asks a sample")
@pytest.mark.timeout(SLOW_S)
async def test_what_is_there_answers_as_described(victim: Victim, tmp_path: Path) -> None:
    async with Client(victim.site.base_url, victim.token) as client:
        session = await client.upload(make_jpeg(320, 200), filename="pier.jpg")
        await client.wait_complete(session.image_id)
        asked = await client.ask("query ($id: ID!) { image(id: $id) { shortId } }", id=session.image_id)
        assert (await client.http.post("/v1/albums", json={"slug": "piers"})).status_code == 201
    known = {
        **dict.fromkeys(("id", "uuid", "image_id"), session.image_id),
        **{"short_id": asked["image"]["shortId"], "slug": "piers", "session": session.id},
        **{"variant_id": "public", "key_name": "default", "size": "small", "ext": "jpg", "page": 1},
        **{"name": f"{session.image_id}_thumbnail.jpg", "family": "original"},
    }

    answer = run_schemathesis(victim, tmp_path, "--include-method", "GET", "--max-examples", "3", known=known)

    assert answer.returncode == 0, answer.stdout[-20_000:]


def run_schemathesis(
    victim: Victim, folder: Path, *options: str, known: Mapping[str, object] | None = None
) -> subprocess.CompletedProcess[str]:
    """Let it loose, always the same way; `known` are values of path parameters."""
    config = folder / "schemathesis.toml"
    parameters = [f'"path.{name}" = {json.dumps(value)}' for name, value in (known or {}).items()]
    # Named on the command line they would be made everywhere, whatever the configuration says of single operations.
    checks = ["enabled = false", *(f"{name}.enabled = true" for name in CHECKS)]
    config.write_text("\n".join(["[checks]", *checks, "[parameters]", *parameters, CONFIG]))
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
        *("run", f"{victim.site.base_url}/openapi.json", "--header", f"Authorization: Bearer {victim.token}"),
        *("--phases", "coverage,fuzzing", "--seed", "1", "--max-redirects", "0"),
        # One thread: in more of them Python 3.11 fails to parse itself now and then.
        *("--workers", "1", "--suppress-health-check", "all", "--warnings", "off", "--continue-on-failure"),
        *("--generation-database", "none", "--no-color", *options),
    ]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.support.serializers", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=os.environ | hooks, capture_output=True, text=True, check=False)
