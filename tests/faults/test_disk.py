"""A disk that is full: uploads are put off, what is there is served, and it goes on when there is room again."""

from pathlib import Path

import pytest

from tests.support.fault_sites import MakeSite
from tests.support.graphql_client import ask_session
from tests.support.invariants import assert_clean, temporary_files
from tests.support.load import assert_served, send_patiently, wait_complete
from tests.support.pictures import make_jpeg
from tests.support.small_disks import LEFT_BYTES, fill


@pytest.mark.parametrize(
    "full", [pytest.param("scratch", marks=pytest.mark.full("the same on another folder")), "store"]
)
async def test_a_full_disk_puts_uploads_off_and_spoils_nothing(
    make_plain_site: MakeSite, small_disk: Path, tmp_path: Path, full: str
) -> None:
    environment = {"SAFELIGHT_STORE_URL": (small_disk / "objects").as_uri()}
    if full == "scratch":
        # The folder is where the site's data are: a link to the small disk.
        (tmp_path / "data").mkdir()
        (small_disk / "tmp").mkdir()
        (tmp_path / "data" / "tmp").symlink_to(small_disk / "tmp")
        environment = {}
    site = make_plain_site(environment=environment).site
    content = make_jpeg(1500, 1000, noise=True)
    assert len(content) > LEFT_BYTES
    async with site.client() as client:
        served = await send_patiently(client, make_jpeg(500, 400))
        await wait_complete(client, [served])
        session = await client.open_session(len(content))
        fill(small_disk)

        answer = await client.send(session, content)

        assert answer.status_code == 503, answer.text
        assert answer.json()["code"] == "UNAVAILABLE"
        assert int(answer.headers["retry-after"]) >= 1
        assert (await ask_session(client, session.id))["state"] == "OPEN"
        assert temporary_files(site) == []
        await assert_served(client, [served])

        (small_disk / "filler").unlink()
        again = await send_patiently(client, content, session=session)
        await wait_complete(client, [again])
        await assert_served(client, [served, again])
        assert_clean(site)
