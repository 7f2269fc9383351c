"""oEmbed 1.0: what url may be, what fits into maxwidth and maxheight, JSON and XML."""

import io
import re
from html import unescape
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from tests.support.client import Client
from tests.support.pictures import make_jpeg
from tests.support.site import Site

PAGE = "query ($id: ID!) { image(id: $id) { viewUrl shortUrl cdnUrl url } }"
HIDE = "mutation ($id: ID!) { updateImage(input: {id: $id, visibility: PRIVATE}) { image { id } } }"
TRASH = "mutation ($id: ID!) { deleteImages(ids: [$id]) { deletedIds } }"
Json = dict[str, Any]  # Any: what a server answered, looked into key by key


async def published(client: Client, content: bytes, **more: object) -> Json:
    session = await client.upload(content, **more)
    await client.wait_complete(session.image_id)
    image: Json = (await client.ask(PAGE, id=session.image_id))["image"]
    return {"id": session.image_id, "page": client.base_url + image["viewUrl"], **image}


async def ask(client: Client, **parameters: str | int) -> Json:
    answer = await client.http.get("/oembed", params=parameters)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def size_of(client: Client, url: str) -> tuple[int, int]:
    answer = await client.http.get(url)
    assert answer.status_code == 200, url
    return Image.open(io.BytesIO(answer.content)).size


async def test_every_address_of_a_picture_is_described_alike(site: Site) -> None:
    async with site.client() as client, site.stranger() as stranger:
        image = await published(client, make_jpeg(1400, 900), title="Sea")
        answers = [await ask(stranger, url=image[name]) for name in ("page", "shortUrl", "cdnUrl", "url")]
        size = await size_of(stranger, answers[0]["url"])
        thumbnail = await size_of(stranger, answers[0]["thumbnail_url"])

    assert answers == [answers[0]] * 4
    told = answers[0]
    assert (told["version"], told["type"], told["title"]) == ("1.0", "photo", "Sea")
    assert (told["width"], told["height"]) == size == (1400, 900)
    assert (told["thumbnail_width"], told["thumbnail_height"]) == thumbnail
    assert max(thumbnail) <= 256
    assert told["author_name"]
    assert told["provider_url"] == site.base_url


@pytest.mark.parametrize(
    ("width", "height", "box"),
    [
        (1400, 902, {"maxwidth": 600}),
        (1402, 900, {"maxheight": 300}),
        (1404, 900, {"maxwidth": 5000, "maxheight": 140}),
        (600, 1000, {"maxwidth": 500, "maxheight": 500}),
    ],
)
async def test_what_is_told_fits_and_is_as_large_as_told(
    site: Site, width: int, height: int, box: dict[str, int]
) -> None:
    async with site.client() as client, site.stranger() as stranger:
        image = await published(client, make_jpeg(width, height))
        told = await ask(stranger, url=image["page"], **box)
        size = await size_of(stranger, told["url"])

    assert (told["width"], told["height"]) == size
    assert size[0] <= box.get("maxwidth", 10**6)
    assert size[1] <= box.get("maxheight", 10**6)
    assert (told["thumbnail_width"], told["thumbnail_height"]) <= size


@pytest.mark.parametrize("box", [{"maxwidth": 60}, {"maxheight": 1}, {"maxwidth": 40, "maxheight": 40}])
async def test_for_a_tiny_box_the_smallest_file_is_told_as_it_is_to_be_shown(site: Site, box: dict[str, int]) -> None:
    async with site.client() as client, site.stranger() as stranger:
        image = await published(client, make_jpeg(1409, 900 + sum(box.values())))
        told = await ask(stranger, url=image["page"], **box)
        size = await size_of(stranger, told["url"])

    assert size[0] == 128
    assert 1 <= told["width"] <= box.get("maxwidth", 10**6)
    assert 1 <= told["height"] <= box.get("maxheight", 10**6)
    assert "sig=" not in str(told)


async def test_xml_says_the_same(site: Site) -> None:
    async with site.client() as client, site.stranger() as stranger:
        image = await published(client, make_jpeg(1410, 900), title="A < B & \x01 ]]> C")
        told = await ask(stranger, url=image["page"])
        answer = await stranger.http.get("/oembed", params={"url": image["page"], "format": "xml"})

    root = ElementTree.fromstring(answer.text)
    read = {field.tag: field.text for field in root}
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert root.tag == "oembed"
    assert read == {name: str(value).replace("\x01", "") for name, value in told.items()}


async def test_a_page_names_both_and_other_sites_may_read_them(site: Site) -> None:
    async with site.client() as client, site.stranger() as stranger:
        image = await published(client, make_jpeg(1412, 900), title='"><x>')
        page = (await stranger.http.get(image["page"], headers={"Accept": "text/html"})).text
        links = re.findall(r'<link rel="alternate" type="([^"]+)" href="([^"]+)"', page)
        answers = [await stranger.http.get(unescape(url)) for _, url in links]

    assert [kind for kind, _ in links] == ["application/json+oembed", "text/xml+oembed"]
    assert [answer.status_code for answer in answers] == [200, 200]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cache-control"] == "public, max-age=300"


async def test_what_not_everybody_may_see_is_not_there(site: Site) -> None:
    async with site.client() as client, site.stranger() as stranger:
        hidden, thrown = [await published(client, make_jpeg(1414 + number, 900)) for number in range(2)]
        draft = await client.open_session(1000)
        page = client.base_url + (await client.ask(PAGE, id=draft.image_id))["image"]["viewUrl"]
        await client.ask(HIDE, id=hidden["id"])
        await client.ask(TRASH, id=thrown["id"])
        urls = [hidden["page"], thrown["page"], page, f"{client.base_url}/i/AAAAAAAAAA"]

        answers = [
            await reader.http.get("/oembed", params={"url": url, "format": form})
            for reader in (stranger, client)
            for form in ("json", "xml")
            for url in urls
        ]

    assert {answer.status_code for answer in answers} == {404}
    assert len({str({**answer.json(), "request_id": None}) for answer in answers}) == 1
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/i/AAAAAAAAAA",
        "{base}.evil.example/i/{short}",
        "http://{host}@evil.example/i/{short}",
        "ftp://{host}/i/{short}",
        "javascript:alert(1)",
        "/i/{short}",
        "{base}/",
        "{base}/graphql",
        "{base}/i/../i/{short}",
        "http://[::1/i/{short}",
        "http://\x00",
        "{base}/i/" + "a" * 5000,
        "\ud800",
    ],
)
async def test_only_our_own_pictures_are_described(site: Site, url: str) -> None:
    async with site.client() as client, site.stranger() as stranger:
        image = await published(client, make_jpeg(1418, 900))
        filled = url.replace("{base}", site.base_url).replace("{host}", site.base_url.removeprefix("http://"))
        filled = filled.replace("{short}", image["page"].rpartition("/")[2])
        answer = await stranger.http.get("/oembed", params={"url": filled.encode("utf-8", "surrogatepass")})

    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("", 400, "url"),
        ("url=", 400, "url"),
        ("url=x&format=yaml", 501, "format"),
        ("url=x&format=", 501, "format"),
        ("url=x&maxwidth=0", 400, "maxwidth"),
        ("url=x&maxwidth=-5", 400, "maxwidth"),
        ("url=x&maxheight=many", 400, "maxheight"),
        ("url=x&maxheight=9999999", 400, "maxheight"),
    ],
)
async def test_impossible_questions_are_refused_by_name(site: Site, query: str, status: int, field: str) -> None:
    async with site.stranger() as stranger:
        answer = await stranger.http.get(f"/oembed?{query}")

    assert (answer.status_code, answer.json()["details"]) == (status, {"field": field})
