"""Nothing comes into an album that is being deleted; on both databases."""

import asyncio

import pytest

from app.db.albums import delete_album
from app.errors import NotFound
from app.ids import AlbumId
from app.services.uploads.drafts import SessionRequest
from tests.support.lock_contention import until_met
from tests.support.on_demand_harness import Demand
from tests.support.pictures import make_jpeg

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.both_set_ups]


@pytest.mark.parametrize("way", ["moved", "uploaded"])
async def test_an_image_comes_into_no_album_that_is_being_deleted(demand: Demand, way: str) -> None:
    services, owner, database = demand.bench.container.services, demand.bench.owner, demand.bench.container.database
    image_id = await demand.bench.upload(make_jpeg(340, 200))
    album = await services.albums.create(owner, slug="dying", title="Dying", description=None)

    async def come(album_id: AlbumId) -> None:
        if way == "moved":
            await services.library.update(owner, image_id, {"album_id": album_id})
        else:
            await services.uploads.open_sessions(owner, [SessionRequest(10, album_id=album_id)])

    async with database.write() as deleting:
        await delete_album(deleting, album.id)
        coming = asyncio.create_task(come(album.id))
        await until_met(database, coming)

    with pytest.raises(NotFound) as refused:
        await coming
    assert refused.value.details == {"field": "albumId"}
    assert (await demand.bench.image(image_id)).album_id is None
