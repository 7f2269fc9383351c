"""Folders that are removed while the server runs are created again, by the processes that need them."""

import shutil

from tests.support.client import Client
from tests.support.fault_sites import MakeSite
from tests.support.invariants import assert_clean
from tests.support.pictures import make_jpeg
from tests.support.waiting import eventually


async def test_scratch_folder_that_is_removed_is_created_again_and_stays(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    async with site.client() as client:
        await client.wait_complete((await client.upload(make_jpeg(300, 200))).image_id)

        shutil.rmtree(site.data_dir / "tmp")

        await eventually(lambda: _is_taken(client, make_jpeg(310, 200)))
        # The sweep clears away folders whose processes are gone, of which these are none.
        folders = sorted((site.data_dir / "tmp").glob("process-*"))
        await client.wait_complete((await client.upload(make_jpeg(320, 200))).image_id)
        assert sorted((site.data_dir / "tmp").glob("process-*")) == folders
    assert len(folders) == len(site.programs)
    assert_clean(site)


async def _is_taken(client: Client, content: bytes) -> bool:
    session = await client.open_session(len(content))
    answer = await client.send(session, content)
    if answer.status_code != 201:
        return False
    last = await client.wait_complete(session.image_id)
    return not any(variant["error"] for variant in last["stableVariants"])
