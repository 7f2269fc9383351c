"""What is made private is gone from the cache of deploy/'s nginx, too, and stays gone."""

from urllib.parse import urlsplit

import httpx

from tests.support.client import Client
from tests.support.pictures import make_jpeg
from tests.support.servers.deployed_nginx import run_deployed_nginx
from tests.support.site import Site
from tests.support.waiting import LIMIT_S, eventually

HIDE = "mutation ($id: ID!) { updateImage(input: {id: $id, visibility: PRIVATE}) { image { id } } }"


async def test_what_is_made_private_is_gone_from_the_cache_of_nginx(wide_site: Site) -> None:
    # By another process than the one behind nginx.
    async with wide_site.client(api=1) as owner:
        pictures = [await _upload(owner, width_px) for width_px in (400, 401)]
        with run_deployed_nginx(api_port=urlsplit(wide_site.api_urls[0]).port or 0) as nginx:
            async with httpx.AsyncClient(base_url=nginx.url, timeout=LIMIT_S) as stranger:
                for image_id, path in pictures:
                    await _hide_and_look(owner, stranger, image_id, path)
                last = [(await stranger.get(path)).status_code for _ in range(5) for _, path in pictures]

    assert set(last) == {404}


async def _hide_and_look(owner: Client, stranger: httpx.AsyncClient, image_id: str, path: str) -> None:
    """Return when a picture that nginx kept is gone."""

    async def is_kept() -> bool:
        answer = await stranger.get(path)
        assert answer.status_code == 200
        return answer.headers["x-cache-status"] == "HIT"

    async def is_gone() -> bool:
        return (await stranger.get(path)).status_code == 404

    await eventually(is_kept, "an answer from nginx's cache")
    await owner.ask(HIDE, id=image_id)
    await eventually(is_gone, "404")


async def _upload(owner: Client, width_px: int) -> tuple[str, str]:
    session = await owner.upload(make_jpeg(width_px, 300))
    await owner.wait_complete(session.image_id)
    return session.image_id, urlsplit(session.urls["WEBP", "small"]).path
