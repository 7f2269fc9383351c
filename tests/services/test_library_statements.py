"""How many statements of SQL a list costs through real GraphQL, however long it is; on both databases."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import event

from app.container import Container, open_container
from app.context import RequestContext
from app.db.albums import insert_album
from app.db.engine import Database, utc_now
from app.db.images import insert_image
from app.db.migrating import migrate
from app.db.variants import insert_variants
from app.domain.variants import ORIGINAL, Derivative, Family, VariantState
from app.graphql_api.execution import Operation, OperationRequest
from app.graphql_api.schema import get_schema
from app.ids import AlbumId, ImageId, make_uuid
from app.loaders import Loaders, Sources
from app.services.making.planning import planned_rows
from app.settings import Settings
from tests.servers.redis import RedisServer
from tests.services.conftest import API_KEY
from tests.services.shelf import columns_of

MAX_STATEMENTS = 6
"""Issue 3, point 12; the beginning of a transaction counts as one where the database is told of it."""
DERIVATIVES = (ORIGINAL, Derivative(Family.WEBP, "small"), Derivative(Family.AVIF, "small"))
EVERYTHING = """{ images(first: 50) {
  totalCount pageInfo { hasNextPage endCursor }
  edges { cursor node {
    id filename tags owner { name } album { id slug title } cdnUrl placeholder { thumbhash } exif { make }
    variants { family size url } stableVariants { family size url ready } variant { url }
  } }
} }"""
PLAIN = "{ images(first: 50) { nodes { id filename tags owner { name } album { slug } width height } } }"
ALBUMS = "{ albums(first: 50) { nodes { slug imageCount byteSize cover { id filename } owner { name } } } }"


@dataclass
class Asked:
    """What came of a document, and what it cost."""

    data: dict[str, Any]  # what each test knows the shape of
    statements: list[str]


@pytest.fixture(params=["sqlite", "postgresql"])
async def library(
    request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer
) -> AsyncIterator[Container]:
    """Every part of a server whose first account has 50 images in 5 albums."""
    url = request.getfixturevalue("postgres_database") if request.param == "postgresql" else None
    settings = Settings(
        data_dir=tmp_path, redis_url=redis_server.url, database_url=url, secret=SecretStr("x" * 32), _env_file=None
    )
    database = Database(settings.sql_url)
    await migrate(database)
    await database.close()
    async with open_container(settings) as container:
        await container.accounts.create_first(bootstrap_key=API_KEY)
        await fill(container)
        yield container


async def fill(container: Container) -> None:
    principal = await container.accounts.authenticate(API_KEY)
    assert principal.account_id is not None
    now = utc_now()
    albums = [AlbumId(make_uuid()) for _ in range(5)]
    async with container.database.write() as db:
        for index, album_id in enumerate(albums):
            names = {"slug": f"album-{index}", "title": "Album", "created_at": now, "updated_at": now}
            await insert_album(db, {"id": album_id, "owner_id": principal.account_id, **names})
        for index in range(50):
            image_id = ImageId(make_uuid())
            values = columns_of(principal.account_id, index)
            place = {"album_id": albums[index % 5], "tags": ["a", "b"], "exif": {"make": "Camera"}}
            await insert_image(db, {"id": image_id, **values, **place})
            rows = planned_rows(image_id, DERIVATIVES, now=now)
            await insert_variants(db, [{**row, "state": VariantState.READY} for row in rows])


async def ask(container: Container, document: str) -> Asked:
    """Run a document as the first account, counting what is sent to the database."""
    principal = await container.accounts.authenticate(API_KEY)
    services = container.services
    sources = Sources(
        accounts=services.accounts,
        albums=services.albums,
        images=services.images,
        uploads=services.uploads,
        signing_keys=services.signing_keys,
    )
    context = RequestContext(
        principal=principal,
        request_id="test",
        services=services,
        loaders=Loaders(principal, sources),
        addresses=container.addresses,
        server=container.server,
        object_url=container.object_url,
    )
    operation = get_schema().begin(OperationRequest(document), context)
    assert isinstance(operation, Operation), operation
    statements: list[str] = []

    def note(*details: object) -> None:
        statements.append(str(details[2]))

    engine = container.database.read_engine
    event.listen(engine, "before_cursor_execute", note)
    answer = await operation.run()
    event.remove(engine, "before_cursor_execute", note)
    assert not answer.errors
    return Asked(dict(answer.data or {}), statements)


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
