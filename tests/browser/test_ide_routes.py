"""The routes of the GraphiQL page, without a browser."""

import json
import re
from functools import partial
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from app.routes.ide import graphiql_page, static_mount
from tests.support.paths import ROOT


def client_for(static_dir: Path) -> httpx.AsyncClient:
    page = partial(graphiql_page, static_dir=static_dir)
    app = Starlette(routes=[Route("/graphql", page), static_mount(static_dir)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://safelight.test")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "graphiql").mkdir()
    (tmp_path / "graphiql" / "index.html").write_text("<p>page</p>")
    (tmp_path / "graphiql" / "main-ABCD2345.js").write_text("1")
    return tmp_path


async def test_page_may_reach_nothing_but_this_server(built: Path) -> None:
    async with client_for(built) as client:
        answer = await client.get("/graphql", headers={"Accept": "text/html,*/*;q=0.8"})

    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert (answer.status_code, answer.text) == (200, "<p>page</p>")
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["worker-src"] == "'self'"
    assert answer.headers["cache-control"] == "no-cache"


async def test_files_with_their_hash_in_the_name_are_kept_for_ever(built: Path) -> None:
    async with client_for(built) as client:
        hashed = await client.get("/static/graphiql/main-ABCD2345.js")
        plain = await client.get("/static/graphiql/index.html")
        outside = await client.get("/static/graphiql/%2e%2e/%2e%2e/settings.py")

    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert hashed.headers["x-content-type-options"] == "nosniff"
    assert plain.headers["cache-control"] == "no-cache"
    assert outside.status_code == 404


async def test_page_that_was_never_built_says_how_to_build_it(tmp_path: Path) -> None:
    async with client_for(tmp_path / "absent") as client:
        answer = await client.get("/graphql", headers={"Accept": "text/html"})
        missing = await client.get("/static/graphiql/main-ABCD2345.js")

    assert answer.status_code == 503
    assert "npm run build" in answer.text
    assert missing.status_code == 404


def test_page_holds_the_dompurify_of_the_lock_and_no_older_copy() -> None:
    packages = json.loads((ROOT / "frontend" / "package-lock.json").read_text())["packages"]
    notices = "".join(path.read_text() for path in (ROOT / "app" / "static" / "graphiql").glob("*.LEGAL.txt"))

    held = set(re.findall(r"DOMPurify (\d+\.\d+\.\d+)", notices))

    assert held == {packages["node_modules/dompurify"]["version"]}
