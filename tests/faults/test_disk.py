"""A disk that is full: uploads are put off, what is there is served, and it goes on when there is room again."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fault_sites import MakeSite
from tests.support.graphql_client import ask_session
from tests.support.invariants import assert_clean, temporary_files
from tests.support.load import assert_served, send_patiently, wait_complete
from tests.support.pictures import make_jpeg

DISK_BYTES = 48 * 1024 * 1024
LEFT_BYTES = 256 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MiB, where this process may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], check=False)
    if done.returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


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
        _fill(small_disk)

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


def _fill(disk: Path) -> None:
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with (disk / "filler").open("wb") as file:
        file.write(b"\0" * (free - LEFT_BYTES))
