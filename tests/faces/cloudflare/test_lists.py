"""Lists of images: pages, tokens that lead on, and filters by creator and metadata."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.cloudflare_api import IMAGES_PATH, ask, error_of, upload
from tests.support.pictures import make_png
from tests.support.residents import Person

NOTES: dict[str, object] = {
    "a": {"status": "active", "priority": 5, "enabled": True, "region": {"name": "eu"}},
    "b": {"status": "draft", "priority": 1.5, "enabled": False, "region": {"name": "us"}},
    "c": {"status": "5", "priority": "5"},
}


async def ids(client: Client, path: str = "/v2", **query: object) -> list[str]:
    answer = await ask(client, "GET", path, params=query)
    return [image["id"] for image in answer["images"]]


async def test_a_token_leads_through_all_images_in_either_order(client: Client) -> None:
    # CI-23 to CI-26, CA-01, CA-14, K9
    names = [f"n{number}" for number in range(5)]
    for number, name in enumerate(names):
        await upload(client, make_png(100 + number, 20), id=name)

    walked: dict[str, list[list[str]]] = {}
    for order in ("desc", "asc"):
        token: str | None = ""
        while token is not None:
            query = {"per_page": 2, "sort_order": order, "continuation_token": token}
            answer = await ask(client, "GET", "/v2", params=query)
            walked.setdefault(order, []).append([image["id"] for image in answer["images"]])
            token = answer["continuation_token"]

    assert walked == {"desc": [["n4", "n3"], ["n2", "n1"], ["n0"]], "asc": [["n0", "n1"], ["n2", "n3"], ["n4"]]}
    assert await ids(client) == names[::-1]
    for path in ("/v1", "/v2"):
        assert [await ids(client, path, page=page, per_page=2) for page in (1, 2, 3, 4)] == [*walked["desc"], []]
    assert await ids(client, per_page="2.0", page="1.0") == ["n4", "n3"]


async def test_v1_says_which_page_it_is(client: Client) -> None:
    # CI-24, CI-25, CA-01
    await upload(client, make_png(110, 20))

    answer = await client.http.get(f"{IMAGES_PATH}/v1", params={"page": 2, "per_page": 50})

    assert answer.json()["result_info"] == {"page": 2, "per_page": 50, "count": 0}


@pytest.mark.parametrize(
    "query",
    [
        {"per_page": "0"},
        {"per_page": "1001"},
        {"per_page": "many"},
        {"page": "0"},
        {"page": "10001"},
        {"page": "9" * 5000},
        {"sort_order": "sideways"},
        {"continuation_token": "nonsense"},
        {"continuation_token": "WyJjcmVhdGVkX2F0OmFzYyIsMCwiMDAiXQ"},
        {"creator": "x" * 1025},
        {"meta.status": "active"},
        {"meta.status[like]": "a"},
        {"meta.n[gt]": "a"},
        {"meta.n[eq:number]": "nan"},
        {"meta.n[eq:number]": "1e999"},
        {"meta.n[eq:boolean]": "yes"},
        {"meta.a..b[eq]": "x"},
        {'meta.a"b[eq]': "x"},
        {"meta.a[eq]": "\0"},
        {"meta.n[in]": "|".join("a" * 101)},
    ],
    ids=str,
)
async def test_a_bad_query_is_refused(client: Client, query: dict[str, str]) -> None:
    # CI-24, CI-25, CI-50
    assert error_of(await client.http.get(f"{IMAGES_PATH}/v2", params=query)) == (400, 5400)


async def test_v1_has_at_most_a_hundred_on_a_page(client: Client) -> None:
    # CI-25
    assert error_of(await client.http.get(f"{IMAGES_PATH}/v1", params={"per_page": 101})) == (400, 5400)


async def test_images_are_found_by_their_creator_or_by_having_none(client: Client) -> None:
    # CI-24, CA-07
    for number, creator in enumerate(("u-1", "u-2", "")):
        await upload(client, make_png(120 + number, 20), id=f"of {creator}", creator=creator)

    assert await ids(client, creator="u-1") == ["of u-1"]
    assert await ids(client, creator="nobody") == []
    assert await ids(client, creator="") == ["of "]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"meta.status[eq]": "active"}, "a"),
        ({"meta.status[eq:string]": "5"}, "c"),
        ({"meta.status[eq:number]": "5"}, ""),
        ({"meta.priority[eq:number]": "5"}, "a"),
        ({"meta.priority[eq]": "5"}, "c"),
        ({"meta.priority[gte:number]": "1.5"}, "ab"),
        ({"meta.priority[gt]": "1.5"}, "a"),
        ({"meta.priority[lt]": "5"}, "b"),
        ({"meta.priority[lte]": "5"}, "ab"),
        ({"meta.enabled[eq:boolean]": "true"}, "a"),
        ({"meta.enabled[eq:boolean]": "false"}, "b"),
        ({"meta.status[in]": "draft|active|none"}, "ab"),
        ({"meta.priority[in:number]": "1.5|7"}, "b"),
        ({"meta.region.name[eq]": "eu"}, "a"),
        ({"meta.region[eq]": "eu"}, ""),
        ({"meta.status[eq]": "active", "meta.priority[lt]": "3"}, ""),
        ({"meta.absent[eq]": "x"}, ""),
        ({"meta.status[eq]": "a%' OR 1=1 --"}, ""),
    ],
    ids=str,
)
async def test_images_are_found_by_their_metadata(
    people: People, noted: Client, query: dict[str, str], found: str
) -> None:
    # CI-24
    assert "".join(sorted(await ids(noted, **query))) == found


@pytest.fixture(scope="module")
def note_writer(people: People) -> Person:
    """An account with an image for each of the notes."""
    return asyncio.run(write_notes(people))


async def write_notes(people: People) -> Person:
    person = await people.add()
    async with people.client(person) as client:
        for number, (name, note) in enumerate(NOTES.items()):
            await upload(client, make_png(130 + number, 20), id=name, metadata=json.dumps(note))
    return person


@pytest.fixture
async def noted(people: People, note_writer: Person, faultless: None) -> AsyncIterator[Client]:
    """Its client."""
    async with people.client(note_writer) as client:
        yield client
