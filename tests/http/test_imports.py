"""importImage as clients see it. Its happy ending is tested below HTTP: a running server goes nowhere near loopback."""

import asyncio

import pytest

from tests.support.client import Client, GraphQLFailure
from tests.support.graphql_client import ask_session, subscribe
from tests.support.site import Site
from tests.support.waiting import LIMIT_S

IMPORT = """
mutation ($input: ImportImageInput!) {
  importImage(input: $input) {
    session { id token oneTimeUrl state maxBytes image { id filename title tags visibility state } }
  }
}
"""
WATCH = """
subscription ($id: ID!) { uploadSession(id: $id) { state session { error { code message } } } }
"""

pytestmark = pytest.mark.usefixtures("quiet")


async def test_an_import_is_a_session_that_a_worker_ends(client: Client) -> None:
    said = {"filename": "a/b.png", "title": "T", "tags": ["x"], "visibility": "PRIVATE"}

    session = (await client.ask(IMPORT, input={"url": "http://127.0.0.1/x.png", **said}))["importImage"]["session"]
    async with asyncio.timeout(LIMIT_S):
        events = [event["uploadSession"] async for event in subscribe(client, WATCH, id=session["id"])]

    image = session["image"]
    assert (session["token"], session["oneTimeUrl"], session["state"]) == (None, None, "OPEN")
    assert session["maxBytes"] > 0
    assert (image["filename"], image["title"], image["tags"]) == ("b.png", "T", ["x"])
    assert (image["visibility"], image["state"]) == ("PRIVATE", "AWAITING_UPLOAD")
    assert events[-1]["state"] == "FAILED"
    assert events[-1]["session"]["error"]["code"] == "URL_NOT_ALLOWED"
    assert (await ask_session(client, session["id"]))["error"]["details"] == {"field": "url"}


@pytest.mark.parametrize(
    "url", ["", "ftp://example.org/a.png", "http://example.org:8080/", "http://a:b@example.org/", "\x00"]
)
async def test_a_url_that_never_works_is_refused_at_once(client: Client, url: str) -> None:
    with pytest.raises(GraphQLFailure) as failure:
        await client.ask(IMPORT, input={"url": url})

    assert failure.value.code == "URL_NOT_ALLOWED"
    assert failure.value.errors[0]["extensions"]["details"] == {"field": "url"}


async def test_what_is_said_of_the_file_is_checked_as_of_an_upload(client: Client) -> None:
    url, codes = "https://example.org/a.png", []
    for wrong in ({"title": "x" * 256}, {"metadata": [1]}, {"tags": ["x" * 65]}, {"processing": {"profile": "CUSTOM"}}):
        with pytest.raises(GraphQLFailure) as failure:
            await client.ask(IMPORT, input={"url": url, **wrong})
        codes.append(failure.value.code)

    assert codes == ["INVALID_REQUEST"] * 4


async def test_nobody_in_particular_imports_nothing(site: Site) -> None:
    async with site.stranger() as nobody:
        with pytest.raises(GraphQLFailure) as failure:
            await nobody.ask(IMPORT, input={"url": "https://example.org/a.png"})

    assert failure.value.code == "UNAUTHORIZED"
