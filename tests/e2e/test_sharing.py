"""picture, embed, transformUrl, signedUrl: every address that is given out is good, for whom it is given out."""

import io
import re
from html import unescape
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from tests.support.client import Client, GraphQLFailure
from tests.support.graphql_client import Json
from tests.support.pictures import make_jpeg
from tests.support.site import Site
from tests.support.waiting import LIMIT_S

SHARED = """
query ($id: ID!, $widths: [Int!]!) {
  image(id: $id) {
    picture(widths: $widths) { sources { type srcset } src width height alt html }
    embed { html markdown bbcode }
    small: embed(size: "small") { html }
  }
}
"""
TRANSFORM = """
query ($id: ID!, $transform: TransformInput!, $format: OutputFormat!) {
  image(id: $id) {
    transformUrl(transform: $transform, format: $format)
    signedUrl(transform: $transform, format: $format, expiresIn: 60) { url expiresAt }
  }
}
"""
BROWSER = {"Accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"}
WIDTHS = [320, 640, 1024, 1536]


async def shared(client: Client, image_id: str, widths: list[int] | None = None) -> Json:
    image = (await client.ask(SHARED, id=image_id, widths=widths or WIDTHS))["image"]
    assert isinstance(image, dict)
    return image


async def fetch(url: str) -> tuple[int, str, int]:
    """Status, media type and width of what an address shows to a browser."""
    async with httpx.AsyncClient(headers=BROWSER, timeout=LIMIT_S) as stranger:
        answer = await stranger.get(url)
    if answer.status_code != 200:
        return answer.status_code, "", 0
    return answer.status_code, answer.headers["content-type"], Image.open(io.BytesIO(answer.content)).width


@pytest.mark.parametrize("visibility", ["PUBLIC", "PRIVATE"])
async def test_every_address_of_an_owners_picture_shows_what_it_says(site: Site, visibility: str) -> None:
    async with site.client() as client:
        session = await client.upload(make_jpeg(1200, 800), visibility=visibility, alt='A "sea"')
        await client.wait_complete(session.image_id)
        image = await shared(client, session.image_id)

        picture = image["picture"]
        widths = []
        for source in picture["sources"]:
            for candidate in source["srcset"].split(", "):
                url, _, described = candidate.rpartition(" ")
                status, media_type, width = await fetch(url)
                assert (status, f"{width}w") == (200, described), url
                assert media_type in {source["type"], "image/webp"}, url
                widths.append(width)
        assert (await fetch(picture["src"]))[::2] == (200, 1200)

    assert [source["type"] for source in picture["sources"]] == ["image/avif", "image/webp"]
    assert widths == [320, 640, 1024, 1200] * 2
    assert (picture["width"], picture["height"], picture["alt"]) == (1200, 800, 'A "sea"')
    assert 'alt="A &quot;sea&quot;"' in picture["html"]
    assert picture["html"].count("srcset=") == 2


async def test_strangers_get_presets_alone_and_nothing_that_is_signed(site: Site) -> None:
    async with site.client() as client, site.stranger() as stranger:
        session = await client.upload(make_jpeg(1202, 800))
        await client.wait_complete(session.image_id)
        image = await shared(stranger, session.image_id)

        urls = re.findall(r"(\S+) \d+w", image["picture"]["sources"][1]["srcset"])
        shown = [(await fetch(url))[::2] for url in urls]

    assert shown == [(200, 500), (200, 1024), (200, 1202)]
    assert "sig=" not in str(image)


@pytest.mark.parametrize("visibility", ["PUBLIC", "PRIVATE"])
async def test_the_addresses_of_posts_show_the_picture_and_its_page(site: Site, visibility: str) -> None:
    async with site.client() as client:
        session = await client.upload(make_jpeg(1204, 800), visibility=visibility, title="[x](y)")
        await client.wait_complete(session.image_id)
        image = await shared(client, session.image_id)

    found = re.fullmatch(r'<a href="([^"]+)"><img src="([^"]+)" [^>]+></a>', image["embed"]["html"])
    assert found is not None
    page, src = (unescape(url) for url in found.groups())
    assert await fetch(src) == (200, "image/jpeg", 1204)
    assert image["embed"]["bbcode"] == f"[url={page}][img]{src}[/img][/url]"
    assert image["embed"]["markdown"] == rf"[![\[x\]\(y\)](<{src}>)](<{page}>)"
    assert 'width="200"' in image["small"]["html"]
    async with httpx.AsyncClient(headers={"Accept": "text/html"}, timeout=LIMIT_S) as reader:
        answer = await reader.get(page)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("format_", "media_type"),
    [("AUTO", "image/webp"), ("ORIGINAL", "image/jpeg"), ("JPEG", "image/jpeg"), ("PNG", "image/png")],
)
@pytest.mark.parametrize("visibility", ["PUBLIC", "PRIVATE"])
async def test_transformations_are_signed_and_made(site: Site, visibility: str, format_: str, media_type: str) -> None:
    wish = {"width": 90, "height": 60, "fit": "COVER", "rotate": 90}
    async with site.client() as client, site.stranger() as stranger:
        session = await client.upload(make_jpeg(1206, 800), visibility=visibility)
        await client.wait_complete(session.image_id)
        own = (await client.ask(TRANSFORM, id=session.image_id, transform=wish, format=format_))["image"]
        if visibility == "PUBLIC":
            asked = await stranger.ask(TRANSFORM, id=session.image_id, transform=wish, format=format_)
            assert asked["image"] == {"transformUrl": None, "signedUrl": None}

        urls = [own["transformUrl"], own["signedUrl"]["url"]]
        shown = [await fetch(url) for url in urls]
        changed = [await fetch(url.replace("w=90", "w=91")) for url in urls]
        unsigned = await fetch(urls[0].partition("?")[0])

    assert [(status, kind) for status, kind, _ in shown] == [(200, media_type)] * 2
    assert [status for status, _, _ in changed] == [403, 403]
    assert unsigned[0] == 404
    assert {urlsplit(url).path for url in urls} == {urlsplit(urls[0]).path}


@pytest.mark.parametrize(
    ("field", "refused"),
    [
        ("picture(widths: []) { src }", "widths"),
        ("picture(widths: [0]) { src }", "widths"),
        ('picture(sizes: "") { src }', "sizes"),
        ('embed(size: "a/b") { html }', "size"),
        ("transformUrl(transform: {width: 0})", "width"),
        ("signedUrl(transform: {width: 9}, expiresIn: 0) { url }", "expiresIn"),
        ("signedUrl(transform: {rotate: 45}) { url }", "rotate"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(site: Site, field: str, refused: str) -> None:
    async with site.client() as client:
        session = await client.upload(make_jpeg(60, 40))
        await client.wait_complete(session.image_id)
        with pytest.raises(GraphQLFailure) as failure:
            await client.ask(f'{{ image(id: "{session.image_id}") {{ {field} }} }}')

    assert failure.value.code == "INVALID_REQUEST"
    assert failure.value.errors[0]["extensions"]["details"]["field"] == refused


async def test_a_draft_has_no_picture_and_nobody_sees_its_posts(site: Site) -> None:
    async with site.client() as client:
        session = await client.open_session(1000)
        image = await shared(client, session.image_id)

    assert image["picture"] is None
    assert f"/f/{session.image_id}/original/original.jpg" in image["embed"]["html"]
