"""What is held in memory of pictures is bounded, whatever addresses are made up."""

import asyncio

from tests.support.http_client import open_http
from tests.support.pictures import make_jpeg
from tests.support.process_memory import rss_bytes
from tests.support.site import Site


async def test_made_up_addresses_of_one_picture_do_not_hold_it_many_times(site: Site) -> None:
    async with site.client() as client:
        content = make_jpeg(1500, 1200, noise=True)
        session = await client.upload(content, processing={"profile": "ORIGINAL_ONLY"})
        await client.wait_complete(session.image_id)
    url = session.urls["ORIGINAL", "original"]
    assert 300_000 < len(content) < 1_000_000
    before = rss_bytes(site.apis[0].pid)

    # Cold, and all at once; then again, from memory.
    async with open_http() as http:
        for _ in range(2):
            answers = await asyncio.gather(*(http.get(f"{url}?k={number}") for number in range(120)))
            assert {answer.status_code for answer in answers} == {200}

    assert rss_bytes(site.apis[0].pid) - before < 40 * len(content)
