"""How many statements of SQL a list costs through real GraphQL, however long it is; on both databases."""

import pytest

from app.container import Container
from tests.support.service_queries import ask

pytestmark = pytest.mark.both_set_ups

MAX_STATEMENTS = 6
"""Issue 3, point 12; the beginning of a transaction counts as one where the database is told of it."""
EVERYTHING = """{ images(first: 50) {
  totalCount pageInfo { hasNextPage endCursor }
  edges { cursor node {
    id filename tags owner { name } album { id slug title } cdnUrl placeholder { thumbhash } exif { make }
    variants { family size url } stableVariants { family size url ready } variant { url }
  } }
} }"""
PLAIN = "{ images(first: 50) { nodes { id filename tags owner { name } album { slug } width height } } }"
ALBUMS = "{ albums(first: 50) { nodes { slug imageCount byteSize cover { id filename } owner { name } } } }"


async def test_50_images_with_all_that_surrounds_them_cost_at_most_6_statements(library: Container) -> None:
    asked = await ask(library, EVERYTHING)

    images = asked.data["images"]
    assert (images["totalCount"], len(images["edges"])) == (50, 50)
    nodes = [edge["node"] for edge in images["edges"]]
    assert all(node["album"] and node["owner"] and node["tags"] == ["a", "b"] for node in nodes)
    assert {len(node["variants"]) for node in nodes} == {3}
    assert len(asked.statements) <= MAX_STATEMENTS, asked.statements


async def test_what_nobody_asks_for_is_not_read(library: Container) -> None:
    asked = await ask(library, PLAIN)

    assert len(asked.data["images"]["nodes"]) == 50
    text = " ".join(asked.statements)
    assert "FROM variants" not in text
    assert "count(" not in text


async def test_albums_with_covers_and_counts_cost_no_more_for_being_many(library: Container) -> None:
    asked = await ask(library, ALBUMS)

    selects = [statement for statement in asked.statements if statement.startswith("SELECT")]
    assert [album["imageCount"] for album in asked.data["albums"]["nodes"]] == [10] * 5
    assert all(album["cover"] for album in asked.data["albums"]["nodes"])
    assert len(selects) <= MAX_STATEMENTS, selects
