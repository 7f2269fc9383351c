"""How long browsers keep pictures of an owner's size: for its `browserTtl`, else for that of the preferences."""

import itertools
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from app.domain.signatures import sign
from tests.support.accounts_fixture import People
from tests.support.client import Client, GraphQLFailure
from tests.support.gallery import IMAGE, PREFER, VIEWER, Shown, show
from tests.support.http_client import open_http
from tests.support.pictures import make_jpeg
from tests.support.residents import Person
from tests.support.waiting import eventually

CREATE = "mutation ($input: VariantPresetInput!) { createVariantPreset(input: $input) { preset { name browserTtl } } }"
UPDATE = """mutation ($input: UpdateVariantPresetInput!) {
  updateVariantPreset(input: $input) { preset { width browserTtl } }
}"""
FIND = "query ($name: String!) { variantPreset(name: $name) { browserTtl } }"
OWNERS_TTL_S = 500
SIZES_TTL_S: dict[str, int | None] = {"brief": 300, "never": 0, "usual": None}
LONGER_TTL_S = 31_536_000

Json = dict[str, Any]  # what a server answered, looked into key by key
_widths_px = itertools.count(901)


@dataclass(frozen=True)
class Home:
    """An owner with a preference, sizes with times of their own, and what signs."""

    people: People
    person: Person
    client: Client
    account_hash: str
    signing_key: str

    def sign(self, path: str, *, in_s: int = 3_600) -> str:
        """A signed path."""
        return sign(path, "", key=self.signing_key, expires_at_s=int(time.time()) + in_s)

    def paths(self, image: Shown, filename: str, size: str) -> list[str]:
        """Every address that names a size."""
        return [
            f"/f/{image.id}/png/{size}.png",
            f"/cdn/{self.person.username}/_/{filename}/{size}",
            f"/cdn/i/{image.short_id}/{size}",
            f"/i/{image.short_id}/{size}",
            f"/cdn/{self.account_hash}/{image.id}/{size}",
            f"/cdn-cgi/imagedelivery/{self.account_hash}/{image.id}/{size}",
        ]

    async def add(self, filename: str, *sizes: str, **more: Any) -> Shown:  # Any: whatever a session's input takes
        """A picture that has these sizes as PNG."""
        custom = {"profile": "CUSTOM", "derivatives": [{"family": "PNG", "size": size} for size in sizes]}
        content = make_jpeg(next(_widths_px), 60)
        return await show(self.client, content, filename=filename, processing=custom, **more)

    async def told(self, paths: list[str], *, api: int = 0) -> list[str]:
        """What strangers' caches are told of each, by one of the processes."""
        async with open_http(self.people.site.api_urls[api]) as http:
            answers = [await http.get(path) for path in paths]
        assert [answer.status_code for answer in answers] == [200] * len(paths)
        return [answer.headers["cache-control"] for answer in answers]


@pytest.fixture
async def home(people: People) -> AsyncIterator[Home]:
    person = await people.add()
    async with people.client(person) as client:
        await client.ask(PREFER, input={"browserTtl": OWNERS_TTL_S})
        for name, ttl_s in SIZES_TTL_S.items():
            await _create(client, name, browserTtl=ttl_s)
        known = await client.ask(VIEWER)
        yield Home(people, person, client, known["viewer"]["accountHash"], known["signingKeys"][0]["value"])


async def test_a_sizes_own_time_is_kept_changed_and_put_back(home: Home) -> None:
    client = home.client
    made = [await _create(client, name, browserTtl=ttl_s) for name, ttl_s in [("none", 0), ("year", LONGER_TTL_S)]]
    unsaid = await _create(client, "unsaid")
    longer = await _update(client, "brief", browserTtl=LONGER_TTL_S)
    kept = await _update(client, "brief", width=41)
    read = (await client.ask(FIND, name="brief"))["variantPreset"]
    put_back = await _update(client, "brief", browserTtl=None)
    built_in = (await client.ask(FIND, name="thumb"))["variantPreset"]

    assert [preset["browserTtl"] for preset in (*made, unsaid)] == [0, LONGER_TTL_S, None]
    assert (longer["browserTtl"], kept, read) == (
        LONGER_TTL_S,
        {"width": 41, "browserTtl": LONGER_TTL_S},
        {"browserTtl": LONGER_TTL_S},
    )
    assert put_back == {"width": 41, "browserTtl": None}
    assert built_in == {"browserTtl": None}


@pytest.mark.parametrize("seconds", [-1, LONGER_TTL_S + 1])
async def test_impossible_times_are_refused_and_change_nothing(home: Home, seconds: int) -> None:
    with pytest.raises(GraphQLFailure) as created:
        await _create(home.client, "odd", browserTtl=seconds)
    with pytest.raises(GraphQLFailure) as updated:
        await _update(home.client, "brief", browserTtl=seconds, width=7)

    for failure in (created.value, updated.value):
        assert (failure.code, failure.errors[0]["extensions"]["details"]) == (
            "INVALID_REQUEST",
            {"field": "browserTtl"},
        )
    assert (await home.client.ask(FIND, name="odd"))["variantPreset"] is None
    assert await _update(home.client, "brief") == {"width": 40, "browserTtl": 300}


async def test_every_address_of_a_size_tells_the_sizes_time_else_the_owners(home: Home) -> None:
    image = await home.add("open.jpg", *SIZES_TTL_S)

    for size, ttl_s in SIZES_TTL_S.items():
        paths = home.paths(image, "open.jpg", size)
        expected = f"public, max-age={OWNERS_TTL_S if ttl_s is None else ttl_s}, stale-while-revalidate=7200"
        for _ in range(2):  # made, then from memory
            assert await home.told(paths) == [expected] * len(paths)
    version = image.versions["PNG", "brief"]
    others = [f"/f/{image.id}/original/original.jpg", f"/cdn/i/{image.short_id}", f"/cdn/i/{image.short_id}/thumb"]
    assert await home.told(others) == [f"public, max-age={OWNERS_TTL_S}, stale-while-revalidate=7200"] * len(others)
    assert await home.told([f"/f/{image.id}/png/brief.png?v={version}"]) == ["public, max-age=31536000, immutable"]


async def test_a_private_picture_is_kept_for_the_sizes_time_while_its_signature_lasts(home: Home) -> None:
    image = await home.add("closed.jpg", *SIZES_TTL_S, visibility="PRIVATE")
    paths = home.paths(image, "closed.jpg", "brief")

    shorter = await home.told([home.sign(path) for path in paths])
    shortest = await home.told([home.sign(path, in_s=250) for path in paths])
    owners = await home.told([home.sign(path) for path in home.paths(image, "closed.jpg", "usual")])
    blob = await home.told([home.sign(f"/images/{image.id}/blob", in_s=3_600)])

    assert shorter == ["private, max-age=300"] * len(paths)
    assert all(0 < _seconds(told, "private") <= 250 for told in shortest)
    assert owners == [f"private, max-age={OWNERS_TTL_S}"] * len(paths)
    assert blob == [f"private, max-age={OWNERS_TTL_S}"]
    mine = await home.client.http.get(paths[0])
    assert (mine.status_code, mine.headers["cache-control"]) == (200, "private, no-store")


async def test_a_size_that_needs_no_signature_tells_its_own_time(home: Home) -> None:
    await _create(home.client, "teaser", browserTtl=45, neverRequireSignedUrls=True)
    image = await home.add("closed.jpg", "teaser", visibility="PRIVATE")
    paths = home.paths(image, "closed.jpg", "teaser")

    assert await home.told(paths) == ["public, max-age=45, stale-while-revalidate=7200"] * len(paths)


async def test_a_new_time_shows_at_once_here_later_elsewhere_and_makes_nothing(home: Home) -> None:
    image = await home.add("open.jpg", "brief")
    hidden = await home.add("closed.jpg", "brief", visibility="PRIVATE")
    paths = home.paths(image, "open.jpg", "brief")
    signed = [home.sign(path) for path in home.paths(hidden, "closed.jpg", "brief")]
    for api in (0, 1):
        await home.told(paths + signed, api=api)
    before = (await home.client.ask(IMAGE, id=image.id))["image"]

    for ttl_s, expected_s in [(600, 600), (None, OWNERS_TTL_S)]:
        await _update(home.client, "brief", browserTtl=ttl_s)
        told = await home.told(paths + signed)
        expected = [f"public, max-age={expected_s}, stale-while-revalidate=7200"] * len(paths)
        expected += [f"private, max-age={expected_s}"] * len(signed)
        assert told == expected
        await eventually(partial(_is_told, home, paths + signed, expected))
    assert (await home.client.ask(IMAGE, id=image.id))["image"] == before


async def _is_told(home: Home, paths: list[str], expected: list[str]) -> bool:
    return await home.told(paths, api=1) == expected


async def _create(client: Client, name: str, **values: object) -> Json:
    preset = {"name": name, "fit": "SCALE_DOWN", "width": 40, **values}
    created: Json = (await client.ask(CREATE, input=preset))["createVariantPreset"]["preset"]
    return created


async def _update(client: Client, name: str, **values: object) -> Json:
    updated: Json = (await client.ask(UPDATE, input={"name": name, **values}))["updateVariantPreset"]["preset"]
    return updated


def _seconds(told: str, kind: str) -> int:
    found, _, seconds = told.partition(", max-age=")
    assert found == kind
    return int(seconds)
