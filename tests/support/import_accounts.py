"""An account that moves: what is in the old one, and what must be in the new one."""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Any

from tests.support.client import Client
from tests.support.pictures import make_png
from tests.support.residents import Person, Residents

ALBUMS = ("beach", "city", "forest")
FIELDS = """id shortId customId filename title alt description creator metadata tags isNsfw visibility sha256 byteSize
  album { slug title description }"""
LIST = (
    "query ($after: String) { images(first: 100, after: $after) "
    f"{{ nodes {{ {FIELDS} }} pageInfo {{ hasNextPage endCursor }} }} }}"
)
CREATE_ALBUM = """mutation ($input: CreateAlbumInput!) { createAlbum(input: $input) { album { id } } }"""
TWIN_OF = 20
"""The last so many images have the bytes of the first."""

# Images are JSON as GraphQL answers it: Any.
Image = dict[str, Any]


@dataclass(frozen=True)
class Two:
    """An old site and a new one, with people on both."""

    old: Residents
    new: Residents


async def furnish(old: Residents, *, count: int) -> Person:
    """An account with so many images, of all kinds of facts; those at the end have bytes that are there already."""
    person = await old.add()
    async with old.client(person) as client:
        for slug in ALBUMS:
            about = {"slug": slug, "title": f"The {slug}", "description": f"All of the {slug}"}
            await client.ask(CREATE_ALBUM, input=about)
        places = asyncio.Semaphore(8)

        async def put(index: int) -> None:
            async with places:
                await client.upload(picture_of(index, count), **facts_of(index))

        async with asyncio.TaskGroup() as group:
            for index in range(count):
                group.create_task(put(index))
    return person


def picture_of(index: int, count: int) -> bytes:
    """No two alike, but the twins."""
    first_twin = count - min(TWIN_OF, count // 4)
    number = index - first_twin if index >= first_twin else index
    return make_png(40 + number, 30)


def facts_of(index: int) -> Image:
    """All kinds of facts of an image, in many combinations."""
    facts: Image = {
        "filename": f"été {index}.png",
        "allowDuplicate": True,
        "visibility": "PRIVATE" if index % 5 == 0 else "PUBLIC",
        "isNsfw": index % 7 == 0,
        "processing": {"profile": "ORIGINAL_ONLY"},
    }
    if index % 2:
        facts |= {"alt": f"What {index} shows", "tags": [f"tag{index % 4}", "größe"], "creator": f"user-{index % 9}"}
    if index % 3 == 0:
        facts |= {"customId": f"trips/Überfahrt/{index}", "metadata": {"index": index, "deep": {"a": [1, None]}}}
    if index % 4:
        facts |= {"albumSlug": ALBUMS[index % 4 - 1], "description": f"Number {index}\nof many"}
    return facts


async def list_all(client: Client) -> list[Image]:
    """Every image of the account."""
    found: list[Image] = []
    after: str | None = None
    while True:
        page = (await client.ask(LIST, after=after))["images"]
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


async def images_of(residents: Residents, person: Person) -> list[Image]:
    """The same, without a client of the caller."""
    async with residents.client(person) as client:
        return await list_all(client)


async def bytes_of(client: Client, image_id: str) -> str:
    """SHA-256 of the upload as it is sent to its owner, which no row says."""
    answer = await client.http.get(f"/client/v4/accounts/any/images/v1/{image_id}/blob")
    assert answer.status_code == 200, answer.text
    return hashlib.sha256(answer.content).hexdigest()
