"""Preferences: what is omitted stays, null puts the default back, and new images get what was chosen."""

from typing import Any

import pytest

from tests.support.accounts_fixture import People
from tests.support.client import GraphQLFailure
from tests.support.pictures import make_jpeg

UPDATE = """mutation ($input: UpdatePreferencesInput!) {
  updatePreferences(input: $input) {
    viewer {
      username
      preferences {
        thumbnailOriginal thumbnailWebp thumbnailAvif nsfwDefault visibilityDefault metadataDefault flexibleVariants
        browserTtl
      }
    }
  }
}"""
DEFAULTS = {
    "thumbnailOriginal": True,
    "thumbnailWebp": True,
    "thumbnailAvif": True,
    "nsfwDefault": False,
    "visibilityDefault": "PUBLIC",
    "metadataDefault": "NONE",
    "flexibleVariants": False,
    "browserTtl": 172_800,
}

Json = dict[str, Any]


async def test_omitted_keeps_and_null_puts_the_default_back(people: People) -> None:
    async def update(changes: Json) -> Json:
        preferences: Json = (await client.ask(UPDATE, input=changes))["updatePreferences"]["viewer"]["preferences"]
        return preferences

    async with people.client(await people.add()) as client:
        assert await update({}) == DEFAULTS
        assert await update({"browserTtl": 0, "visibilityDefault": "PRIVATE"}) == DEFAULTS | {
            "browserTtl": 0,
            "visibilityDefault": "PRIVATE",
        }
        assert await update({"nsfwDefault": True, "browserTtl": None}) == DEFAULTS | {
            "visibilityDefault": "PRIVATE",
            "nsfwDefault": True,
        }


async def test_new_images_get_what_was_chosen(people: People) -> None:
    wish = {"thumbnailAvif": False, "thumbnailOriginal": False, "nsfwDefault": True, "visibilityDefault": "PRIVATE"}
    query = "query ($id: ID!) { image(id: $id) { isNsfw visibility stableVariants { family size } } }"

    async with people.client(await people.add()) as client:
        await client.ask(UPDATE, input=wish)
        session = await client.open_session(1_000)
        image = (await client.ask(query, id=session.image_id))["image"]

    made = [(variant["family"], variant["size"]) for variant in image["stableVariants"]]
    assert (image["isNsfw"], image["visibility"]) == (True, "PRIVATE")
    assert made == [("ORIGINAL", "original"), ("WEBP", "small"), ("WEBP", "medium")]


async def test_browser_ttl_is_what_pictures_are_sent_with(people: People) -> None:
    async with people.client(await people.add()) as client, people.client(None) as visitor:
        await client.ask(UPDATE, input={"browserTtl": 77})
        session = await client.upload(make_jpeg(521, 80))
        answer = await visitor.http.get(session.urls["ORIGINAL", "original"], params={"wait": 10})

    assert answer.headers["cache-control"].startswith("public, max-age=77,")


@pytest.mark.parametrize("seconds", [-1, 31_536_001])
async def test_impossible_times_are_refused_and_change_nothing(people: People, seconds: int) -> None:
    async with people.client(await people.add()) as client:
        with pytest.raises(GraphQLFailure) as refusal:
            await client.ask(UPDATE, input={"browserTtl": seconds, "nsfwDefault": True})
        after = await client.ask(UPDATE, input={})

    assert refusal.value.errors[0]["extensions"]["details"] == {"field": "browserTtl"}
    assert after["updatePreferences"]["viewer"]["preferences"] == DEFAULTS
