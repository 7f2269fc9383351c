"""Image.views: which requests count, on any process, through to the row."""

import httpx
import pytest

from tests.support.client import Client
from tests.support.pictures import make_jpeg
from tests.support.site import Site
from tests.support.waiting import LIMIT_S, eventually

VIEWS = "query ($id: ID!) { image(id: $id) { views updatedAt stableVariants { url } } }"


async def views_of(client: Client, image_id: str) -> int:
    return int((await client.ask(VIEWS, id=image_id))["image"]["views"])


async def until_views(client: Client, image_id: str, count: int) -> None:
    async def are_there() -> bool:
        return await views_of(client, image_id) >= count

    await eventually(are_there, f"{count} views")


async def test_looks_count_on_any_process_and_change_nothing_else(wide_site: Site) -> None:
    async with wide_site.client() as client:
        session = await client.upload(make_jpeg(700, 500))
        await client.wait_complete(session.image_id)
        before = (await client.ask(VIEWS, id=session.image_id))["image"]
        paths = [variant["url"].removeprefix(wide_site.base_url) for variant in before["stableVariants"]]
        for url in wide_site.api_urls:
            async with httpx.AsyncClient(base_url=url, timeout=LIMIT_S) as stranger:
                for path in paths:
                    for _ in range(2):  # the second from memory
                        assert (await stranger.get(path)).status_code == 200

        await until_views(client, session.image_id, 4 * len(paths))
        after = (await client.ask(VIEWS, id=session.image_id))["image"]

    assert (before["views"], after["views"]) == (0, 4 * len(paths))
    assert after["updatedAt"] == before["updatedAt"]


@pytest.mark.parametrize(
    "visibility", ["PUBLIC", pytest.param("PRIVATE", marks=pytest.mark.full("counted by the same code as PUBLIC"))]
)
async def test_what_sends_no_picture_and_the_owners_own_looks_do_not_count(wide_site: Site, visibility: str) -> None:
    async with wide_site.client() as client, wide_site.stranger() as stranger:
        session = await client.upload(make_jpeg(702, 500), visibility=visibility)
        await client.wait_complete(session.image_id)
        signed = 'query ($id: ID!) { image(id: $id) { signedUrl(family: WEBP, size: "small") { url } } }'
        url = (await client.ask(signed, id=session.image_id))["image"]["signedUrl"]["url"]
        first = await stranger.http.get(url)

        for _ in range(2):
            answers = [
                await stranger.http.head(url),
                await stranger.http.get(url, headers={"If-None-Match": first.headers["etag"]}),
                await stranger.http.get(url, headers={"Range": "bytes=5-9"}),
                await stranger.http.get(url, headers={"Range": "bytes=99999999-"}),
                await stranger.http.get(url + "0"),
                await client.http.get(url.partition("?")[0]),
            ]
            assert [answer.status_code for answer in answers] == [200, 304, 206, 416, 403, 200]
        assert (await stranger.http.get(url, headers={"Range": "bytes=0-9"})).status_code == 206
        await until_views(client, session.image_id, 2)
        # Whatever was counted before it is in the row by the time this is.
        assert (await stranger.http.get(url)).status_code == 200
        await until_views(client, session.image_id, 3)

        assert await views_of(client, session.image_id) == 3
