"""`/readyz` and `/readyz?for=reads`: a store that takes nothing more must not take reading away."""

import sys
from pathlib import Path

import pytest

from tests.support.fault_sites import MakeSite
from tests.support.pictures import make_jpeg
from tests.support.site import Site
from tests.support.small_disks import fill
from tests.support.waiting import eventually


@pytest.mark.skipif(sys.platform != "linux", reason="a small file system is mounted")
async def test_a_full_store_does_not_take_reading_away(make_plain_site: MakeSite, small_disk: Path) -> None:
    store_url = {"SAFELIGHT_STORE_URL": (small_disk / "objects").as_uri()}
    site = make_plain_site(environment=store_url).site
    async with site.client() as client:
        session = await client.upload(make_jpeg(300, 200))
        await client.wait_complete(session.image_id)
        filler = fill(small_disk, left_bytes=0)

        await eventually(lambda: _answers(site, "/readyz", 503))
        reads = await client.http.get("/readyz?for=reads")

        assert (reads.status_code, reads.json()["checks"]) == (200, {"database": "ok", "store": "ok"}), reads.text
        for url in session.urls.values():
            assert (await client.http.get(url)).status_code == 200
        filler.unlink()
        await eventually(lambda: _answers(site, "/readyz", 200))


async def test_a_store_that_is_gone_is_no_place_to_read_from(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    (site.data_dir / "objects").rename(site.data_dir / "elsewhere")
    await eventually(lambda: _answers(site, "/readyz?for=reads", 503))
    (site.data_dir / "elsewhere").rename(site.data_dir / "objects")
    await eventually(lambda: _answers(site, "/readyz?for=reads", 200))


async def test_a_worker_that_is_away_is_no_reason_against_reading(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    site.workers[0].stop()
    await eventually(lambda: _answers(site, "/readyz", 503))
    assert await _answers(site, "/readyz?for=reads", 200)


async def _answers(site: Site, path: str, status: int) -> bool:
    async with site.client() as client:
        return (await client.http.get(path)).status_code == status
