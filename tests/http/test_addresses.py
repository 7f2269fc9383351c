"""Every row of the first table of http.md, section 3: what each address names, and with which headers it is sent."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import httpx
import pytest
from PIL import Image

from tests.support.gallery import BROWSER_TTL_S, CUSTOM_ID, Gallery, Shown
from tests.support.http_client import open_http

ALWAYS = {
    "accept-ranges": "bytes",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "timing-allow-origin": "*",
}
BROWSER = "image/avif,image/webp,image/*,*/*;q=0.8"
ESCAPED_ID = "trips/2024/B%C3%B6rse"
assert CUSTOM_ID == "trips/2024/Börse"


@dataclass(frozen=True)
class Row:
    """An address in the paper's words, one that is built so, and what it shall be answered with."""

    paper: str
    path: Callable[[Gallery], str]
    kind: str
    size: tuple[int, int]
    headers: dict[str, str] = field(default_factory=dict)
    varies: bool = True

    def __str__(self) -> str:
        return f"{self.paper} as {self.path.__name__ if self.path.__name__ != '<lambda>' else self.kind}"


STABLE = "{base}/f/{id}/{family}/{size}.{ext}"
PRETTY = "{cdn}/{owner}/{album}/{filename}[/{size}]"
SHORT = "{cdn}/i/{shortId}[/{size}], {cdn}/{shortId}, {base}/i/{shortId}"
CLOUDFLARE = "{cdn}/{accountHash}/{id or customId}/{size}"
SLINK = "{base}/image/{id}.{ext}?w=&h=&crop="
BLOB = "{base}/images/{id}/blob"
TRANSFORM = "{base}/t/{id}/{options}.{ext}"
WHOLE, SMALL = (640, 480), (200, 150)
JPEG, WEBP, PNG, AVIF = "image/jpeg", "image/webp", "image/png", "image/avif"
PLAIN: dict[str, str] = {}
MODERN, NO_AVIF = {"Accept": BROWSER}, {"Accept": "image/webp"}

ROWS = [
    Row(STABLE, lambda g: f"/f/{g.public.id}/webp/small.webp", WEBP, SMALL, PLAIN, varies=False),
    Row(STABLE, lambda g: f"/f/{g.public.id}/original/original.gif", JPEG, WHOLE, MODERN, varies=False),
    Row(STABLE, lambda g: f"/cdn/f/{g.public.id}/avif/small.avif", AVIF, SMALL, PLAIN, varies=False),
    Row(PRETTY, lambda g: g.pretty("beach.jpg"), JPEG, WHOLE),
    Row(PRETTY, lambda g: g.pretty("beach"), JPEG, WHOLE),
    Row(PRETTY, lambda g: g.pretty("beach.jpg", size="small"), JPEG, SMALL),
    Row(PRETTY, lambda g: g.pretty("beach", size="small"), AVIF, SMALL, MODERN),
    Row(PRETTY, lambda g: g.pretty("beach", size="small"), WEBP, SMALL, NO_AVIF),
    Row(PRETTY, lambda g: g.pretty("beach.jpg", size="w128"), JPEG, (128, 96)),
    Row(PRETTY, lambda g: g.pretty("beach.jpg", size="w128"), WEBP, (128, 96), MODERN),
    Row(PRETTY, lambda g: g.pretty("free.jpg", album="_", owner=g.flexible), JPEG, (642, 480)),
    Row(PRETTY, lambda g: g.pretty("secret.jpg", size="teaser"), JPEG, (40, 30)),
    Row(SHORT, lambda g: f"/cdn/i/{g.public.short_id}", JPEG, WHOLE),
    Row(SHORT, lambda g: f"/cdn/i/{g.public.short_id}/thumb", JPEG, (128, 128)),
    Row(SHORT, lambda g: f"/cdn/{g.public.short_id}", JPEG, WHOLE),
    Row(SHORT, lambda g: f"/i/{g.public.short_id}", JPEG, WHOLE),
    Row(SHORT, lambda g: f"/i/{g.public.short_id}/small", AVIF, SMALL, MODERN),
    Row(CLOUDFLARE, lambda g: f"/cdn/{g.account_hash}/{g.public.id}/public", JPEG, WHOLE),
    Row(CLOUDFLARE, lambda g: f"/cdn/{g.account_hash}/{ESCAPED_ID}/thumb", JPEG, (128, 128)),
    Row(CLOUDFLARE, lambda g: f"/cdn-cgi/imagedelivery/{g.account_hash}/{g.public.id}/public", JPEG, WHOLE),
    Row(CLOUDFLARE, lambda g: f"/cdn/cdn-cgi/imagedelivery/{g.account_hash}/{ESCAPED_ID}/small", WEBP, SMALL, NO_AVIF),
    Row(CLOUDFLARE, lambda g: f"/cdn/{g.flexible_hash}/{g.free.id}/w=60,h=60,fit=cover", JPEG, (60, 60)),
    Row(CLOUDFLARE, lambda g: f"/cdn/{g.flexible_hash}/{ESCAPED_ID}/w=60,f=png", PNG, (60, 45), MODERN, varies=False),
    Row(CLOUDFLARE, lambda g: f"/cdn/{g.flexible_hash}/{ESCAPED_ID}/width=61,format=auto", WEBP, (61, 46), NO_AVIF),
    Row(SLINK, lambda g: f"/image/{g.public.id}.jpg", JPEG, WHOLE, MODERN, varies=False),
    Row(SLINK, lambda g: f"/image/{g.public.id}.webp", WEBP, WHOLE, PLAIN, varies=False),
    Row(SLINK, lambda g: f"/image/{g.free.id}.png?w=300", PNG, (300, 224), PLAIN, varies=False),
    Row(SLINK, lambda g: f"/image/{g.free.id}.jpg?w=300&h=100", JPEG, (134, 100), PLAIN, varies=False),
    Row(SLINK, lambda g: f"/image/{g.free.id}.webp?w=90&crop=true", WEBP, (90, 90), PLAIN, varies=False),
    Row(BLOB, lambda g: g.sign(f"/images/{g.public.id}/blob"), JPEG, WHOLE, PLAIN, varies=False),
    Row(TRANSFORM, lambda g: g.sign(f"/t/{g.public.id}/w=50.webp"), WEBP, (50, 38), PLAIN, varies=False),
    Row(TRANSFORM, lambda g: g.sign(f"/t/{g.private.id}/w=50,rotate=90.jpeg"), JPEG, (50, 67), MODERN, varies=False),
    Row(TRANSFORM, lambda g: g.sign(f"/t/{g.public.id}/w=51.auto"), WEBP, (51, 38), MODERN),
    Row(TRANSFORM, lambda g: f"/t/{g.free.id}/w=52.png", PNG, (52, 39), PLAIN, varies=False),
]


@pytest.mark.parametrize("row", ROWS, ids=[f"{number}-{row.paper}" for number, row in enumerate(ROWS)])
async def test_an_address_is_served_with_the_headers_of_the_paper(gallery: Gallery, row: Row) -> None:
    path = row.path(gallery)
    for _ in range(2):  # made, then from memory
        found = await gallery.get(path, **row.headers)

        assert found.status_code == 200, found.text
        assert {name: found.headers[name] for name in ALWAYS} == ALWAYS
        assert found.headers["content-type"] == row.kind
        assert Image.open(io.BytesIO(found.content)).size == row.size
        assert found.headers["content-length"] == str(len(found.content))
        assert found.headers.get("vary") == ("Accept" if row.varies else None)
        assert found.headers["content-disposition"].startswith("inline; filename*=UTF-8''")
        assert parsedate_to_datetime(found.headers["last-modified"]).tzinfo is not None
        assert "set-cookie" not in found.headers
    etag = found.headers["etag"]
    known = await gallery.get(path, **row.headers, **{"If-None-Match": etag})
    part = await gallery.get(path, **row.headers, Range="bytes=1-4")
    beyond = await gallery.get(path, **row.headers, Range="bytes=99999999-")

    assert (known.status_code, known.headers["etag"], known.headers.get("vary")) == (
        304,
        etag,
        found.headers.get("vary"),
    )
    assert (part.status_code, part.content, part.headers["etag"]) == (206, found.content[1:5], etag)
    assert beyond.status_code == 416


@pytest.mark.parametrize("row", ROWS, ids=[f"{number}-{row.paper}" for number, row in enumerate(ROWS)])
async def test_an_address_answers_head_and_preflights(gallery: Gallery, row: Row) -> None:
    path = row.path(gallery)
    async with open_http(gallery.base_url) as client:
        get, head = await client.get(path, headers=row.headers), await client.head(path, headers=row.headers)
        preflight = await client.options(path, headers={"Origin": "https://a.example"})
        wrong = await client.post(path, content=b"x")

    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", get.headers["etag"])
    assert head.headers["content-length"] == get.headers["content-length"]
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_the_blob_is_the_very_bytes_and_the_original_a_clean_one(gallery: Gallery) -> None:
    blob = await gallery.get(f"/images/{gallery.public.id}/blob", Authorization=f"Bearer {gallery.owner.key}")

    assert blob.content == gallery.public.content


async def test_a_page_is_dispatched_at_the_servers_own_short_address_only(gallery: Gallery) -> None:
    navigation = "text/html,application/xhtml+xml,image/avif,image/webp,*/*;q=0.8"
    page = await gallery.get(f"/i/{gallery.public.short_id}", Accept=navigation)
    picture = await gallery.get(f"/i/{gallery.public.short_id}", Accept=BROWSER)
    on_cdn = await gallery.get(f"/cdn/i/{gallery.public.short_id}", Accept=navigation)

    assert not page.headers["content-type"].startswith("image/")
    assert picture.headers["content-type"].startswith("image/")
    assert on_cdn.headers["content-type"].startswith("image/")
    assert picture.headers["vary"] == "Accept"


async def test_the_version_makes_any_address_immutable_and_another_does_not(gallery: Gallery) -> None:
    version = gallery.public.versions["WEBP", "small"]
    paths = [
        f"/f/{gallery.public.id}/webp/small.webp",
        gallery.pretty("beach.jpg", size="small"),
        f"/cdn/i/{gallery.public.short_id}/small",
        f"/cdn/{gallery.account_hash}/{gallery.public.id}/small",
    ]

    right = [await gallery.get(f"{path}?v={version}", **NO_AVIF) for path in paths]
    wrong = [await gallery.get(f"{path}?v=0000000000000000", **NO_AVIF) for path in paths]

    assert {answer.headers["cache-control"] for answer in right} == {"public, max-age=31536000, immutable"}
    assert {answer.headers["cache-control"] for answer in wrong} == {
        "public, max-age=172800, stale-while-revalidate=7200"
    }


async def test_the_owner_says_how_long_browsers_keep_what_is_public(gallery: Gallery) -> None:
    paths = [
        f"/f/{gallery.free.id}/webp/small.webp",
        gallery.pretty("free.jpg", album="_", owner=gallery.flexible),
        f"/cdn/i/{gallery.free.short_id}/small",
        f"/cdn/{gallery.flexible_hash}/{gallery.free.id}/w=33",
        f"/image/{gallery.free.id}.jpg",
        f"/t/{gallery.free.id}/w=33.png",
    ]

    answers = [await gallery.get(path) for path in paths]

    told = f"public, max-age={BROWSER_TTL_S}, stale-while-revalidate=7200"
    assert [answer.headers["cache-control"] for answer in answers] == [told] * len(paths)


async def test_a_size_that_needs_no_signature_is_public_at_every_address(gallery: Gallery) -> None:
    image, hash_ = gallery.private, gallery.account_hash
    paths = [
        gallery.pretty("secret", size="teaser"),
        f"/cdn/i/{image.short_id}/teaser",
        f"/cdn/{hash_}/{image.id}/teaser",
        f"/cdn-cgi/imagedelivery/{hash_}/{image.id}/teaser",
        f"/f/{image.id}/original/teaser.jpg",  # made by the others
    ]

    answers = [await gallery.get(path) for path in paths]

    assert [answer.status_code for answer in answers] == [200] * len(paths)
    assert {answer.headers["cache-control"].partition(",")[0] for answer in answers} == {"public"}


def shown(answer: httpx.Response, image: Shown) -> bool:
    return Image.open(io.BytesIO(answer.content)).size == (image.facts["width"], image.facts["height"])


async def test_the_addresses_that_are_given_out_are_served(gallery: Gallery) -> None:
    facts = gallery.public.facts
    addresses = [facts["cdnUrl"], facts["shortUrl"], facts["stableUrl"], gallery.base_url + facts["viewUrl"]]

    answers = [await gallery.get(address) for address in addresses]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert all(shown(answer, gallery.public) for answer in answers)
