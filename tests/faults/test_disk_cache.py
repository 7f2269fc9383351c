"""An S3 store that is away: what lies on this machine's disk is served on, and the rest is 503."""

from collections.abc import Callable

import httpx
import pytest

from tests.support.fault_sites import MakeSite
from tests.support.pictures import make_jpeg
from tests.support.served_image import make_noisy
from tests.support.servers.s3 import S3Server
from tests.support.waiting import LIMIT_S


@pytest.mark.full("S3 away and a restart; tests/storage has the cache, test_store has S3 away")
async def test_what_was_read_is_served_without_the_store_also_after_a_restart(
    make_plain_site: MakeSite, private_s3: Callable[[], S3Server]
) -> None:
    s3 = private_s3()
    site = make_plain_site(environment={"SAFELIGHT_STORE_URL": s3.url("pictures")}).site
    async with site.client() as client:
        kept, small, never = [
            await client.upload(content) for content in (make_noisy(), make_jpeg(640, 480), make_jpeg(650, 480))
        ]
        for session in (kept, small, never):
            await client.wait_complete(session.image_id)
    addresses = [kept.urls["ORIGINAL", "original"], small.urls["WEBP", "small"]]
    async with httpx.AsyncClient(timeout=LIMIT_S) as stranger:
        before = [(await stranger.get(address)).content for address in addresses]

        s3.kill()
        site.apis[0].kill()
        s3.start()  # a process does not start without its store
        site.apis[0].start()
        site.wait_ready()
        s3.kill()
        after = [await stranger.get(address) for address in addresses]
        refused = await stranger.get(never.urls["WEBP", "small"])
        part = await stranger.get(addresses[0], headers={"Range": "bytes=200000-200009"})

        assert [answer.status_code for answer in after] == [200, 200]
        assert [answer.content for answer in after] == before
        assert (part.status_code, part.content) == (206, before[0][200_000:200_010])
        assert refused.status_code == 503
        assert refused.headers["cache-control"] == "no-store"

        s3.start()
        assert (await stranger.get(never.urls["WEBP", "small"])).status_code == 200
