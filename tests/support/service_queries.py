"""Documents run by a container's own services, without HTTP, on a library with 50 images; on both databases."""

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
from app.db.engine import utc_now
from app.db.images import insert_image
from app.db.variants import insert_variants
from app.domain.formats import ImageFormat
from app.domain.variants import ORIGINAL, Derivative, Family, VariantState
from app.graphql_api.execution import Operation, OperationRequest
from app.graphql_api.schema import get_schema
from app.ids import AlbumId, ImageId, make_uuid
from app.loaders import Loaders, Sources
from app.services.making.planning import planned_rows
from app.settings import Settings
from tests.support.library_fixture import T0, columns_of
from tests.support.servers.prepared import API_KEY, FILE_NAME, prepared_file
from tests.support.servers.redis import RedisServer

TEXTS = {
    "title": "Title",
    "alt": "Alt",
    "description": "Description",
    "creator": "Ada",
    "meta": {"k": 1},
    "is_nsfw": True,
    "format": ImageFormat.HEIC,
    "has_alpha": True,
    "frames": 2,
    "upload_key": "images/x/blob",
    "taken_at": T0,
    "focal_x": 0.25,
    "focal_y": 0.75,
    "views": 3,
    "dominant_color": "#102030",
    "placeholder_png": "AAAA",
}
"""What makes no answer of an image's fields an empty one."""
DERIVATIVES = (ORIGINAL, Derivative(Family.WEBP, "small"), Derivative(Family.AVIF, "small"))


@dataclass
class Asked:
    """What came of a document, and what it cost."""

    data: dict[str, Any]  # what each test knows the shape of
    statements: list[str]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.second_set_up)])
async def library(
    request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer, unhurried: None
) -> AsyncIterator[Container]:
    """Every part of a server whose first account has 50 images in 5 albums."""
    url = request.getfixturevalue("prepared_postgres") if request.param == "postgresql" else None
    settings = Settings(
        data_dir=tmp_path, redis_url=redis_server.url, database_url=url, secret=SecretStr("x" * 32), _env_file=None
    )
    if url is None:
        (tmp_path / FILE_NAME).write_bytes(prepared_file())
    async with open_container(settings) as container:
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
            await insert_image(db, {"id": image_id, **values, **place, **TEXTS})
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
    assert not answer.errors, (document, answer.errors)
    return Asked(dict(answer.data or {}), statements)
