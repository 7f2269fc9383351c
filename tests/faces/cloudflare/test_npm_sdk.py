"""The official SDK from npm, of which only the base URL is changed, runs the whole life of an image."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.cloudflare_api import ACCOUNT
from tests.support.pictures import make_jpeg
from tests.support.residents import Person
from tests.support.servers.node import NODE_PROJECT
from tests.support.waiting import in_time

# Answers are JSON whose shape each test knows: Any throughout this module.
Json = dict[str, Any]


async def run(node: str, options: Json) -> Json:
    process = await asyncio.create_subprocess_exec(
        *(node, "cloudflare_client.mjs", json.dumps(options)),
        cwd=NODE_PROJECT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, complaints = await in_time(process.communicate())
    assert process.returncode == 0, complaints.decode()
    return dict(json.loads(output.splitlines()[-1]))


async def test_the_whole_life_of_an_image(
    people: People, person: Person, client: Client, node: str, tmp_path: Path
) -> None:
    # CI-01, CI-03 to CI-05, CI-07 to CI-14, CI-16 to CI-19, CI-21 to CI-23, CI-26 to CI-39, CI-41 to CI-45
    # CA-01 to CA-08, CA-10 to CA-30, CA-32 to CA-33; `client` looks for faults of the server at the end
    picture = tmp_path / "beach.jpg"
    picture.write_bytes(make_jpeg(640, 480))
    root = f"{people.site.base_url}/client/v4"

    said = await run(node, {"baseURL": root, "token": person.key, "account": ACCOUNT, "file": str(picture)})

    made = said["made"]
    assert (made["filename"], made["creator"], made["meta"]) == ("beach.jpg", "u-1", {"key": "value"})
    assert said["found"] == {**made, "draft": False}
    assert said["served"] == [200, 200]
    assert said["listed"] == {"images": [made], "continuation_token": None}
    assert said["paged"] == {"images": [made]}
    closed = {"requireSignedURLs": True, "meta": {"a": [1]}, "metadata": {"a": [1]}}
    assert said["edited"] == {**made, **closed}
    assert said["served_closed"] == [404, 200]
    assert said["blob_is_the_file"]
    assert (said["named"]["filename"], said["found_by_name"], said["served_by_name"]) == ("named.jpg", True, 200)
    check_direct_upload(said)
    check_account(said)
    assert said["deleted"] == [{}, {}, {}]
    assert said["is_gone"]
    assert said["left"] == {"images": [], "continuation_token": None}


def check_direct_upload(said: Json) -> None:
    assert said["draft"]["draft"]
    assert said["sent"]["success"]
    assert said["sent"]["result"]["id"] == said["direct"]["id"] == said["undrafted"]["id"]
    assert not said["undrafted"]["draft"]
    assert said["undrafted"]["meta"] == {"userId": "1"}


def check_account(said: Json) -> None:
    hero = said["variant"]["variant"]
    wider = {**hero, "options": {**hero["options"], "width": 90}}
    assert hero["neverRequireSignedURLs"]
    assert said["edited_variant"] == said["one_variant"] == {"variant": wider}
    assert list(said["variants"]["variants"]) == ["public", "hero"]
    assert said["variants"]["variants"]["hero"] == wider
    assert said["keys"] == ["default", "second"]
    assert said["fewer_keys"] == said["key_list"] == ["default"]
    assert said["stats"] == {"count": {"allowed": 2**53 - 1, "current": 3}}
    assert (said["deleted_variant"], said["variant_is_gone"]) == ({}, True)
