"""Pictures of two owners at every address of http.md, section 3, for tests that walk through them."""

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.domain.signatures import sign
from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.http_client import open_http
from tests.support.pictures import make_jpeg
from tests.support.residents import Person

# Answers are JSON whose shape each test knows: Any throughout this module.

IMAGE = """query ($id: ID!) { image(id: $id) {
  id shortId cdnUrl shortUrl viewUrl stableUrl width height byteSize
  stableVariants { family size url ready version contentType }
} }"""
VIEWER = "{ viewer { accountHash username } signingKeys { name value } }"
PREFER = "mutation ($input: UpdatePreferencesInput!) { updatePreferences(input: $input) { viewer { username } } }"
ALBUM = "mutation ($slug: String!) { createAlbum(input: {slug: $slug}) { album { id slug } } }"
PRESET = "mutation ($input: VariantPresetInput!) { createVariantPreset(input: $input) { preset { name } } }"
BROWSER_TTL_S = 77
"""The flexible owner's."""
CUSTOM_ID = "trips/2024/Börse"

Json = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """An image that is there, with its addresses."""

    id: str
    short_id: str
    content: bytes
    facts: Json

    @property
    def versions(self) -> dict[tuple[str, str], str]:
        """Those of its variants, by family and size."""
        return {(variant["family"], variant["size"]): variant["version"] for variant in self.facts["stableVariants"]}


@dataclass(frozen=True)
class Gallery:
    """A site with an owner who lets nobody make up sizes, and one who does."""

    people: People
    owner: Person
    flexible: Person
    account_hash: str
    flexible_hash: str
    key: str
    """The value of the owner's signing key."""
    album_id: str
    public: Shown
    """In the album `trip` as `beach.jpg`, with a custom id."""
    private: Shown
    """In the album `trip` as `secret.jpg`."""
    free: Shown
    """Of the flexible owner, in no album, as `free.jpg`."""

    @property
    def base_url(self) -> str:
        """Of the first API."""
        return self.people.site.base_url

    @property
    def cdn_url(self) -> str:
        """Where pictures are."""
        return f"{self.base_url}/cdn"

    async def get(self, address: str, **headers: str) -> httpx.Response:
        """GET as nobody in particular; redirects are not followed."""
        async with open_http(self.base_url) as client:
            return await client.get(address, headers=headers)

    def sign(self, path: str, query: str = "", *, key: str | None = None, in_s: int = 3_600) -> str:
        """A signed path of the owner's."""
        return sign(path, query, key=key or self.key, expires_at_s=int(time.time()) + in_s)

    def pretty(self, name: str, *, size: str | None = None, album: str = "trip", owner: Person | None = None) -> str:
        """A pretty path."""
        end = f"/{size}" if size else ""
        return f"/cdn/{(owner or self.owner).username}/{album}/{quote(name)}{end}"


async def show(client: Client, content: bytes, **more: Any) -> Shown:
    """Upload a picture and wait until it is ready."""
    session = await client.upload(content, **more)
    await client.wait_complete(session.image_id)
    facts = (await client.ask(IMAGE, id=session.image_id))["image"]
    return Shown(facts["id"], facts["shortId"], content, facts)


async def build(people: People) -> Gallery:
    """Make both owners and their pictures."""
    owner, flexible = await people.add(), await people.add()
    async with people.client(owner) as client, people.client(flexible) as other:
        mine, theirs = await client.ask(VIEWER), await other.ask(VIEWER)
        await other.ask(PREFER, input={"flexibleVariants": True, "browserTtl": BROWSER_TTL_S})
        album = (await client.ask(ALBUM, slug="trip"))["createAlbum"]["album"]
        teaser = {"name": "teaser", "fit": "SCALE_DOWN", "width": 40, "neverRequireSignedUrls": True}
        await client.ask(PRESET, input=teaser)
        inside = {"albumSlug": "trip"}
        return Gallery(
            people,
            owner,
            flexible,
            mine["viewer"]["accountHash"],
            theirs["viewer"]["accountHash"],
            mine["signingKeys"][0]["value"],
            album["id"],
            await show(client, make_jpeg(640, 480), filename="beach.jpg", customId=CUSTOM_ID, **inside),
            await show(client, make_jpeg(641, 480), filename="secret.jpg", visibility="PRIVATE", **inside),
            await show(other, make_jpeg(642, 480), filename="free.jpg", customId=CUSTOM_ID),
        )


@pytest.fixture(scope="session")
def galleries() -> dict[str, Gallery]:
    """Of each site that has one."""
    return {}


@pytest.fixture(scope="module")
def gallery(people: People, galleries: dict[str, Gallery]) -> Gallery:
    """One for all tests of a site, which change nothing in it."""
    url = people.site.base_url
    if url not in galleries:
        galleries[url] = asyncio.run(build(people))
    return replace(galleries[url], people=people)
