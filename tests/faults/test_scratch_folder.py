"""`tmp/` that cannot be written to, or is gone: each way in says so and loses nothing; it is the server's fault."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support import pixelflare_api
from tests.support.client import Client
from tests.support.cloudflare_api import IMAGES_PATH
from tests.support.fault_sites import MakeSite
from tests.support.invariants import assert_clean
from tests.support.load import send_patiently, wait_complete
from tests.support.pictures import make_jpeg
from tests.support.tus import head, patch
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a small file system is mounted")


@contextmanager
def covered_by_read_only_mount(folder: Path, empty: Path) -> Iterator[None]:
    """Let a folder be an empty one that cannot be written to."""
    done = subprocess.run(["mount", "--bind", empty, folder], check=False)
    if done.returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


async def test_read_only_tmp_puts_every_upload_off(make_plain_site: MakeSite, tmp_path: Path) -> None:
    site = make_plain_site().site
    contents = [make_jpeg(400 + 10 * index, 300) for index in range(6)]
    empty = tmp_path / "empty"
    empty.mkdir()
    async with site.client() as client:
        put, form, tus, checked = [await client.open_session(len(content)) for content in contents[:4]]
        half = len(contents[2]) // 2
        assert (await patch(client, tus, 0, contents[2][:half])).status_code == 204
        with covered_by_read_only_mount(site.data_dir / "tmp", empty):
            answers = await asyncio.gather(
                client.send(put, contents[0]),
                client.send_form(form, contents[1]),
                patch(client, tus, half, contents[2][half:]),
                patch(client, checked, 0, contents[3], Upload_Checksum="sha1 " + "A" * 27 + "="),
                client.http.post(f"{IMAGES_PATH}/v1", files={"file": ("a.jpg", contents[4])}),
                _send_to_pixelflare(client, contents[5]),
            )
            ready = await client.http.get("/readyz")

        assert [answer.status_code for answer in answers] == [503] * len(answers), [each.text for each in answers]
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
        assert (ready.status_code, ready.json()["checks"]["tmp"]) == (503, "does not answer"), ready.text
        # Nothing of what was acknowledged is lost, and no session is spent.
        assert (await head(client, tus)).headers["upload-offset"] == str(half)
        assert (await patch(client, tus, half, contents[2][half:])).status_code == 204
        for session, content in ((put, contents[0]), (form, contents[1])):
            assert (await client.send(session, content)).status_code == 201
        for done in (put, form, tus):
            last = await client.wait_complete(done.image_id)
            assert not any(variant["error"] for variant in last["stableVariants"])
        await eventually(lambda: _is_ready(client))
    assert any("EROFS" in program.log for program in site.apis)


async def test_an_upload_during_the_removal_of_tmp_is_put_off_and_taken_the_next_time(
    make_plain_site: MakeSite,
) -> None:
    site = make_plain_site().site
    content = make_jpeg(1200, 900, noise=True)
    async with site.client() as client:
        session = await client.open_session(len(content))
        begun, removed = asyncio.Event(), asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            yield content[: len(content) // 2]
            begun.set()
            await removed.wait()
            yield content[len(content) // 2 :]

        headers = {"Authorization": f"Bearer {session.token}"}
        sending = asyncio.create_task(client.http.put(session.upload_url, content=body(), headers=headers))
        await begun.wait()
        await eventually(lambda: any((site.data_dir / "tmp").glob("process-*/upload-*")), "the upload's file")
        shutil.rmtree(site.data_dir / "tmp")
        removed.set()
        answer = await sending

        assert answer.status_code in {201, 503}, answer.text
        sent = await send_patiently(client, content, session=session)
        await wait_complete(client, [sent])
    assert_clean(site)


async def _send_to_pixelflare(client: Client, content: bytes) -> httpx.Response:
    draft = await pixelflare_api.create(client)
    return await client.http.put(draft["upload_url"], content=content, headers={"Content-Type": "image/jpeg"})


async def _is_ready(client: Client) -> bool:
    return (await client.http.get("/readyz")).status_code == 200
