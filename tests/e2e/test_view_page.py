"""The page of an image over HTTP: who may open it, what it says to others, and that 201's addresses are alive."""

import re
from html import unescape
from urllib.parse import urlsplit

import httpx
import pytest

from app.routes.view_markup import camera_of
from tests.support.client import Client
from tests.support.pictures import Tags, make_jpeg
from tests.support.site import Site
from tests.support.waiting import LIMIT_S

HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}
PAGE = "query ($id: ID!) { image(id: $id) { shortId viewUrl embed { bbcode } } }"
TRASH = "mutation ($id: ID!) { deleteImages(ids: [$id]) { deletedIds } }"


async def page_of(client: Client, image_id: str) -> tuple[str, str]:
    """Its relative address, and the address with a signature where it is private."""
    image = (await client.ask(PAGE, id=image_id))["image"]
    return image["viewUrl"], image["embed"]["bbcode"].removeprefix("[url=").partition("]")[0]


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("NIKON CORPORATION", "NIKON D80", "NIKON D80"),
        ("Canon", "Canon EOS 300D", "Canon EOS 300D"),
        ("SONY", "ILCE-7M3", "SONY ILCE-7M3"),
        ("FUJIFILM", "", "FUJIFILM"),
        ("", "D80", "D80"),
        ("", "", ""),
    ],
)
def test_the_maker_is_named_once(make: str, model: str, camera: str) -> None:
    assert camera_of(make, model) == camera


def tags_of(page: str) -> dict[str, str]:
    """What the head says, by name or property."""
    found = re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', page)
    return {name: unescape(content) for name, content in found}


async def test_a_page_describes_a_public_picture_to_everybody(site: Site) -> None:
    words = {"title": 'Sea & "sand"', "description": "First line.\n  Second.", "alt": "Waves"}
    async with site.client() as client, site.stranger() as stranger:
        session = await client.upload(make_jpeg(1200, 800, tags=Tags(camera=True)), **words)
        await client.wait_complete(session.image_id)
        path, address = await page_of(client, session.image_id)

        answer = await stranger.http.get(path, headers=HTML)
        tags = tags_of(answer.text)
        card = await stranger.http.get(tags["og:image"])
        head = await stranger.http.head(path, headers=HTML)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("no-cache", "Accept")
    assert address == site.base_url + path
    assert f'<link rel="canonical" href="{address}">' in answer.text
    wanted = {
        "description": "First line. Second.",
        "og:type": "website",
        "og:url": address,
        "og:title": 'Sea & "sand"',
        "og:image:width": "1200",
        "og:image:height": "630",
        "og:image:alt": "Waves",
        "twitter:card": "summary_large_image",
        "twitter:image": tags["og:image"],
    }
    assert {name: tags.get(name) for name in wanted} == wanted
    assert (card.status_code, card.headers["content-type"]) == (200, "image/jpeg")
    assert "<h1>Sea &amp; &quot;sand&quot;</h1>" in answer.text
    assert "By " in answer.text
    assert "sig=" not in answer.text
    assert (head.status_code, head.content) == (200, b"")


async def test_the_policy_of_a_page_lets_only_this_server_in(site: Site) -> None:
    async with site.client() as client:
        session = await client.upload(make_jpeg(1202, 800))
        path, _ = await page_of(client, session.image_id)
        answers = [await client.http.get(path, headers=HTML) for _ in range(2)]
        files = re.findall(r'(?:href|src)="(/assets/[^"]+)"', answers[0].text)
        loaded = [await client.http.get(file) for file in files]
        missing = await client.http.get(files[0].replace("-", "-0"))

    policies = [
        dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ")) for answer in answers
    ]
    nonces = [policy["style-src"].partition("nonce-")[2].rstrip("'") for policy in policies]
    assert policies[0]["default-src"] == policies[0]["base-uri"] == policies[0]["frame-ancestors"] == "'none'"
    assert policies[0]["script-src"] == "'self'"
    assert len({*nonces, ""}) == 3
    assert f'<style nonce="{nonces[0]}">' in answers[0].text
    assert "<script>" not in answers[0].text
    assert not re.search(r'\son\w+=|\sstyle="', answers[0].text)
    assert {file.rpartition(".")[2] for file in files} == {"css", "js", "svg"}
    assert {(each.status_code, each.headers["cache-control"]) for each in loaded} == {
        (200, "public, max-age=31536000, immutable")
    }
    assert missing.status_code == 404


async def test_a_private_page_is_there_for_its_owner_and_whoever_holds_a_signed_link(site: Site) -> None:
    async with site.client() as client, site.stranger() as stranger:
        session = await client.upload(make_jpeg(1204, 800), visibility="PRIVATE", title="Secret")
        await client.wait_complete(session.image_id)
        path, signed = await page_of(client, session.image_id)

        closed = await stranger.http.get(path, headers=HTML)
        absent = await stranger.http.get("/i/AAAAAAAAAA", headers=HTML)
        wrong_key = await stranger.http.get(path, headers={**HTML, "Authorization": "Bearer sl_nonsense"})
        forged = await stranger.http.get(signed + "0", headers=HTML)
        unknown = await stranger.http.get("/i/AAAAAAAAAA?exp=99999999999&sig=00", headers=HTML)
        owners = await client.http.get(path, headers=HTML)
        opened = await stranger.http.get(signed, headers=HTML)
        urls = {unescape(url) for url in re.findall(r'(?:href|src|srcset)="(http[^" ]+)', opened.text)}
        shown = [(await stranger.http.get(url, headers={"Accept": "image/webp"})).status_code for url in urls]

    assert [each.status_code for each in (closed, absent, wrong_key, forged, unknown)] == [404, 404, 404, 403, 403]
    assert closed.text == absent.text == wrong_key.text
    assert forged.text == unknown.text
    assert {each.headers["cache-control"] for each in (closed, forged)} == {"no-store"}
    assert (owners.status_code, opened.status_code) == (200, 200)
    assert opened.headers["cache-control"] == "private, no-store"
    assert tags_of(opened.text)["robots"] == "noindex, nofollow, noarchive"
    assert not any(name.startswith(("og:", "twitter:")) for name in tags_of(opened.text))
    assert urls
    assert set(shown) == {200}
    until = {re.search(r"exp=(\d+)", url).group(1) for url in (*urls, signed)}  # type: ignore[union-attr]  # each has one
    assert len(until) == 1, "nothing on the page is good for longer than the page"


async def test_drafts_and_what_is_in_the_trash_have_no_page(site: Site) -> None:
    async with site.client() as client, site.stranger() as stranger:
        draft = await client.open_session(1000)
        session = await client.upload(make_jpeg(1206, 800))
        paths = [(await page_of(client, image_id))[0] for image_id in (draft.image_id, session.image_id)]
        await client.ask(TRASH, id=session.image_id)

        strangers = [(await stranger.http.get(path, headers=HTML)).status_code for path in paths]
        owners = [(await client.http.get(path, headers=HTML)).status_code for path in paths]

    assert strangers == [404, 404]
    assert owners == [200, 404]


@pytest.mark.parametrize("nsfw", [True, False])
async def test_what_is_not_safe_for_work_is_no_card(site: Site, nsfw: bool) -> None:
    async with site.client() as client:
        session = await client.upload(make_jpeg(1208, 800 + nsfw), isNsfw=nsfw)
        path, _ = await page_of(client, session.image_id)
        tags = tags_of((await client.http.get(path, headers=HTML)).text)

    assert ("og:image" in tags, "twitter:image" in tags) == (not nsfw, not nsfw)
    assert tags.get("rating") == ("adult" if nsfw else None)


async def test_an_address_has_a_page_for_readers_and_a_picture_for_pictures(site: Site) -> None:
    async with site.client() as client, site.stranger() as stranger:
        session = await client.upload(make_jpeg(1210, 800))
        await client.wait_complete(session.image_id)
        path, _ = await page_of(client, session.image_id)
        kinds = {}
        for _ in range(2):  # the second time the picture is in memory
            for accept in ("text/html", "image/webp,*/*;q=0.5", "image/*", "*/*"):
                answer = await stranger.http.get(path, headers={"Accept": accept})
                kinds[accept] = answer.headers["content-type"].partition(";")[0]
                assert answer.headers["vary"] == "Accept"

    expected = {"text/html": "text/html", "image/webp,*/*;q=0.5": "image/webp"}
    assert kinds == expected | dict.fromkeys(("image/*", "*/*"), "image/jpeg")


async def test_the_addresses_of_an_uploads_answer_are_alive(site: Site) -> None:
    async with site.client() as client, httpx.AsyncClient(timeout=LIMIT_S) as stranger:
        content = make_jpeg(1212, 800)
        album = 'mutation { createAlbum(input: {slug: "alive"}) { album { id } } }'
        album_id = (await client.ask(album))["createAlbum"]["album"]["id"]
        session = await client.open_session(len(content), albumId=album_id, filename="é & b.jpg")
        answer = await client.send(session, content)
        told = answer.json()

        page = await stranger.get(site.base_url + told["view_url"], headers=HTML)
        picture = await stranger.get(told["cdn_url"])
        stable = await stranger.get(told["stable_url"])

    assert answer.status_code == 201
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
    assert picture.content == stable.content
    assert urlsplit(told["cdn_url"]).path.endswith("/alive/%C3%A9%20%26%20b.jpg")
