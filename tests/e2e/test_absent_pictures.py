"""What is said where there is no picture to send: absent, not ready, failed, private, in the trash."""

import asyncio
from email.utils import parsedate_to_datetime

import httpx
import pytest

from app.domain.variants import VariantState
from tests.support.client import Client, get_when_ready
from tests.support.pictures import make_jpeg
from tests.support.raw_http import open_wire
from tests.support.served_image import Served
from tests.support.site import Site
from tests.support.site_rows import change_image, change_variant

pytestmark = pytest.mark.usefixtures("quiet")


async def test_what_is_not_there_is_404_and_never_kept(served: Served, stranger: httpx.AsyncClient) -> None:
    image = served.session.image_id
    paths = [
        f"/f/{image}/webp/small.avif",
        f"/f/{image}/webp/small",
        f"/f/{image}/webp/small.",
        f"/f/{image}/webp/.webp",
        f"/f/{image}/webp/w512.webp",
        f"/f/{image}/webp/{'x' * 200}.webp",
        f"/f/{image}/gif/small.gif",
        f"/f/{image}/webp/small.webp/",
        f"/f/{image}//small.webp",
        f"/f/{image}/webp/../webp/small.webp",
        f"/f/{image}/webp/%2e%2e/small.webp",
        f"/f/{image}/webp/small.webp%00",
        f"/f/{image}/webp/small%2fx.webp",
        f"/f/{image}/original/original.svg",
        f"/f/{image[:-1]}/webp/small.webp",
        f"/f/{image.replace('-', '')}/webp/small.webp",
        "/f/nonsense/webp/small.webp",
        "/f/00000000-0000-7000-8000-000000000000/webp/small.webp",
        "/f/",
        "/f/../../etc/passwd",
        "/f/%ff%fe/webp/small.webp",
        "/images/nonsense/blob",
        f"/images/{image}/blob",
        f"/images/{image}",
        f"/images/{image}/blob/x",
    ]
    for path in paths:
        async with open_wire(str(stranger.base_url)) as wire:  # as it stands: httpx would tidy the path up
            await wire.send_head("GET", path, {})
            answer = await wire.read_answer()

        assert (answer.status, answer.code) == (404, "NOT_FOUND"), path
        assert answer.headers["cache-control"] == "no-store", path
        assert answer.headers["access-control-allow-origin"] == "*", path
        assert "/" not in answer.json["message"]


@pytest.mark.parametrize(
    "query", ["wait=31", "wait=-1", "wait=x", "wait=", "wait=1.5", "wait=٣", "&".join(["a=b"] * 30)]
)
async def test_a_query_that_cannot_be_understood_is_400(
    served: Served, stranger: httpx.AsyncClient, query: str
) -> None:
    response = await stranger.get(f"{served.path}?{query}")

    assert (response.status_code, response.json()["code"]) == (400, "INVALID_REQUEST")
    assert response.json()["details"]["field"] in {"wait", "query"}
    assert response.headers["cache-control"] == "no-store"


async def test_what_is_not_ready_is_503_until_it_is(client: Client, stranger: httpx.AsyncClient) -> None:
    content = make_jpeg(900, 700)
    session = await client.open_session(len(content))
    url = session.urls["AVIF", "medium"]

    before = await stranger.get(url)
    waited = await stranger.get(url, params={"wait": "1"})
    waiting = asyncio.create_task(get_when_ready(stranger, url))
    await client.send(session, content)
    held = await waiting

    for response in (before, waited):
        assert (response.status_code, response.json()["code"]) == (503, "VARIANT_NOT_READY")
        assert (response.headers["retry-after"], response.headers["cache-control"]) == ("1", "no-store")
        assert response.headers["access-control-allow-origin"] == "*"
    assert waited.elapsed.total_seconds() >= 0.9
    assert (held.status_code, held.headers["content-type"]) == (200, "image/avif")


async def test_what_failed_is_502(site: Site, client: Client, stranger: httpx.AsyncClient) -> None:
    content = make_jpeg(910, 700)
    session = await client.upload(content)
    await client.wait_complete(session.image_id)
    failed = {"state": VariantState.FAILED, "error_code": "RENDER_FAILED", "error_message": "It could not be made."}
    await change_variant(site, session.image_id, "avif", "small", **failed)

    for query in ("", "?wait=5"):
        response = await stranger.get(session.urls["AVIF", "small"] + query)
        assert (response.status_code, response.json()["code"]) == (502, "RENDER_FAILED")
        assert response.headers["cache-control"] == "no-store"
    assert (await stranger.get(session.urls["WEBP", "small"])).status_code == 200


async def test_a_private_image_is_its_owners_alone(site: Site, client: Client, stranger: httpx.AsyncClient) -> None:
    content = make_jpeg(920, 700)
    session = await client.upload(content, visibility="PRIVATE")
    await client.wait_complete(session.image_id)
    url = session.urls["WEBP", "small"]

    mine = [await client.http.get(url), await stranger.get(url, headers={"X-API-Key": client.key or ""})]
    theirs = [
        await stranger.get(url),
        await stranger.get(url, headers={"Authorization": "Bearer sl_wrong"}),
        await stranger.get(url, headers={"Authorization": f"Bearer {session.token}"}),
        await stranger.get(f"{url}?wait=1"),
    ]
    absent = await stranger.get(url.replace(session.image_id, "00000000-0000-7000-8000-000000000000"))

    assert {(r.status_code, r.headers["cache-control"]) for r in mine} == {(200, "private, no-store")}
    assert {r.status_code for r in theirs} == {404}
    for response in theirs:
        told, missing = response.json(), absent.json()
        told.pop("request_id"), missing.pop("request_id")
        assert told == missing


async def test_a_wrong_key_closes_no_public_picture(served: Served, stranger: httpx.AsyncClient) -> None:
    response = await stranger.get(served.path, headers={"Authorization": "Bearer sl_wrong"})

    assert (response.status_code, response.content) == (200, served.body)


async def test_what_is_in_the_trash_is_404(site: Site, client: Client, stranger: httpx.AsyncClient) -> None:
    session = await client.upload(make_jpeg(930, 700))
    await client.wait_complete(session.image_id)
    uploaded = await client.ask("query ($id: ID!) { image(id: $id) { createdAt } }", id=session.image_id)
    assert uploaded["image"]["createdAt"]
    await change_image(site, session.image_id, deleted_at=parsedate_to_datetime("Mon, 01 Jan 2024 00:00:00 GMT"))

    responses = [await stranger.get(url) for url in session.urls.values()]

    assert {response.status_code for response in responses} == {404}
