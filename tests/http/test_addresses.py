"""Every row of the two tables of http.md, section 3: what each address names, and what each state answers."""

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import httpx
import pytest
from PIL import Image

from app.domain.variants import VariantState
from tests.e2e.rows import change_variant
from tests.http.gallery import CUSTOM_ID, Gallery, Shown, show
from tests.pictures import make_jpeg

ALWAYS = {
    "accept-ranges": "bytes",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "timing-allow-origin": "*",
}
BROWSER = "image/avif,image/webp,image/*,*/*;q=0.8"
UNKNOWN = "018f3a9e-8a5b-7c21-9d0e-1f2a3b4c5d6e"
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
    async with httpx.AsyncClient(base_url=gallery.base_url, timeout=60) as client:
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


OTHERS = [
    ("stable", lambda g, i, _n: f"/f/{i}/webp/small.webp"),
    ("pretty", lambda g, _i, n: g.pretty(n)),
    ("pretty with a size", lambda g, _i, n: g.pretty(n, size="small")),
    ("cloudflare", lambda g, i, _n: f"/cdn/{g.account_hash}/{i}/small"),
    ("cloudflare below cdn-cgi", lambda g, i, _n: f"/cdn-cgi/imagedelivery/{g.account_hash}/{i}/small"),
    ("slink", lambda g, i, _n: f"/image/{i}.jpg"),
    ("transformation", lambda g, i, _n: f"/t/{i}/w=53.webp"),
    ("blob", lambda g, i, _n: f"/images/{i}/blob"),
]
Build = Callable[[Gallery, str, str], str]


def told(answer: httpx.Response) -> dict[str, object]:
    body = dict(answer.json())
    body.pop("request_id")
    return body


@pytest.mark.parametrize("build", [build for _, build in OTHERS], ids=[name for name, _ in OTHERS])
class TestStates:
    """The rows of the second table that say no, at every address."""

    async def test_private_and_absent_are_404_and_look_the_same(self, gallery: Gallery, build: Build) -> None:
        private = await gallery.get(build(gallery, gallery.private.id, "secret.jpg"))
        absent = await gallery.get(build(gallery, UNKNOWN, "nobodys.jpg"))

        assert (private.status_code, absent.status_code) == (404, 404)
        assert told(private) == told(absent)
        for answer in (private, absent):
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["access-control-allow-origin"] == "*"

    async def test_a_bad_signature_is_403_whether_there_is_such_an_image_or_not(
        self, gallery: Gallery, build: Build
    ) -> None:
        forged = [
            gallery.sign(build(gallery, image, name), key="0" * 64)
            for image, name in (
                (gallery.public.id, "beach.jpg"),
                (gallery.private.id, "secret.jpg"),
                (UNKNOWN, "nobodys.jpg"),
            )
        ]
        over = gallery.sign(build(gallery, gallery.public.id, "beach.jpg"), in_s=-1)

        answers = [await gallery.get(path) for path in (*forged, over)]

        assert {answer.status_code for answer in answers} == {403}
        assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
        assert len({str(told(answer)) for answer in answers}) == 1

    async def test_a_good_signature_opens_a_private_image_until_its_time(self, gallery: Gallery, build: Build) -> None:
        path = gallery.sign(build(gallery, gallery.private.id, "secret.jpg"), in_s=60)

        opened = [await gallery.get(path) for _ in range(2)]

        for answer in opened:
            kind, _, age = answer.headers["cache-control"].partition(", max-age=")
            assert (answer.status_code, kind) == (200, "private")
            assert 45 < int(age) <= 60

    async def test_the_owner_sees_it_and_nobody_keeps_it(self, gallery: Gallery, build: Build) -> None:
        path = build(gallery, gallery.private.id, "secret.jpg")

        mine = await gallery.get(path, **{"X-API-Key": gallery.owner.key})
        others = await gallery.get(path, **{"X-API-Key": gallery.flexible.key})

        assert (mine.status_code, mine.headers["cache-control"]) == (200, "private, no-store")
        assert others.status_code == 404


async def test_an_unknown_size_is_404_at_every_address(gallery: Gallery) -> None:
    image, hash_ = gallery.public.id, gallery.account_hash
    paths = [
        f"/f/{image}/webp/nosuch.webp",
        gallery.pretty("beach.jpg", size="nosuch"),
        f"/cdn/i/{gallery.public.short_id}/nosuch",
        f"/cdn/{hash_}/{image}/nosuch",
        f"/f/{image}/png/w2048.png",  # not planned, and this address makes nothing
    ]

    answers = [await gallery.get(path) for path in paths]

    assert [(answer.status_code, answer.headers["cache-control"]) for answer in answers] == [(404, "no-store")] * 5


async def test_nobody_makes_up_sizes_where_the_owner_does_not_allow_it(gallery: Gallery) -> None:
    image = gallery.public.id
    paths = [
        f"/cdn/{gallery.account_hash}/{image}/w=70",
        gallery.pretty("beach.jpg", size="w=70"),
        f"/cdn/i/{gallery.public.short_id}/w=70",
        f"/image/{image}.webp?w=70",
        f"/t/{image}/w=70.webp",
    ]

    unsigned = [(await gallery.get(path)).status_code for path in paths]
    signed = [(await gallery.get(gallery.sign(*path.partition("?")[::2]))).status_code for path in paths]

    assert unsigned == [404] * len(paths)
    assert signed == [200] * len(paths)


async def test_options_that_cannot_be_are_400_and_name_the_field(gallery: Gallery) -> None:
    cases = {
        f"/cdn/{gallery.flexible_hash}/{gallery.free.id}/w=0": "width",
        f"/cdn/{gallery.flexible_hash}/{gallery.free.id}/w=10,nonsense=1": "nonsense",
        f"/image/{gallery.free.id}.jpg?w=99999": "w",
        f"/t/{gallery.free.id}/blur=999.webp": "blur",
        gallery.pretty("beach.jpg") + "?wait=31": "wait",
    }

    answers = {path: await gallery.get(path) for path in cases}

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(cases, 400)
    assert {path: answer.json()["details"]["field"] for path, answer in answers.items()} == cases
    assert {answer.headers["cache-control"] for answer in answers.values()} == {"no-store"}


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


async def test_what_has_not_come_is_503_and_what_comes_in_time_is_held_for(gallery: Gallery) -> None:
    async with gallery.people.client(gallery.owner) as client:
        session = await client.open_session(50_000, filename="coming.jpg", albumSlug="trip")
        paths = [
            f"/f/{session.image_id}/webp/small.webp",
            gallery.pretty("coming.jpg", size="small"),
            f"/cdn/{gallery.account_hash}/{session.image_id}/small",
            f"/image/{session.image_id}.jpg",
        ]
        answers = [await gallery.get(f"{path}?wait=0") for path in paths]
        sent = await client.send(session, make_jpeg(643, 480))
        held = [await gallery.get(path) for path in paths[1:]]

    assert sent.status_code == 201
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "VARIANT_NOT_READY")
        assert (answer.headers["retry-after"], answer.headers["cache-control"]) == ("1", "no-store")
    assert [answer.status_code for answer in held] == [200] * 3


async def test_what_failed_is_502_at_every_address_and_kept_by_nobody(gallery: Gallery) -> None:
    async with gallery.people.client(gallery.owner) as client:
        image = await show(client, make_jpeg(644, 480), filename="failed.jpg", albumSlug="trip")
    failed = {"state": VariantState.FAILED, "error_code": "RENDER_FAILED", "error_message": "It could not be made."}
    await change_variant(gallery.people.site, image.id, "webp", "small", **failed)
    paths = [
        f"/f/{image.id}/webp/small.webp",
        gallery.pretty("failed.jpg", size="small"),
        f"/cdn/i/{image.short_id}/small",
        f"/cdn/{gallery.account_hash}/{image.id}/small",
    ]

    answers = [await gallery.get(path, **NO_AVIF) for path in paths]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(502, "RENDER_FAILED")] * 4
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


async def test_misses_that_are_used_up_are_429_and_what_is_made_is_served_still(gallery: Gallery) -> None:
    crowd = {"X-Forwarded-For": "203.0.113.77"}
    made = f"/cdn/{gallery.flexible_hash}/{gallery.free.id}/small"
    assert (await gallery.get(made, **crowd)).status_code == 200

    place = f"/cdn/{gallery.flexible_hash}/{gallery.free.id}"
    answers = await asyncio.gather(
        *(gallery.get(f"{place}/w={width},f=png?wait=0", **crowd) for width in range(1, 141))
    )
    refused = [answer for answer in answers if answer.status_code == 429]
    still = await gallery.get(made, **crowd)

    assert {answer.status_code for answer in answers} <= {200, 503, 429}
    assert refused
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert {answer.headers["cache-control"] for answer in refused} == {"no-store"}
    assert still.status_code == 200


def shown(answer: httpx.Response, image: Shown) -> bool:
    return Image.open(io.BytesIO(answer.content)).size == (image.facts["width"], image.facts["height"])


async def test_the_addresses_that_are_given_out_are_served(gallery: Gallery) -> None:
    facts = gallery.public.facts
    addresses = [facts["cdnUrl"], facts["shortUrl"], facts["stableUrl"], gallery.base_url + facts["viewUrl"]]

    answers = [await gallery.get(address) for address in addresses]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert all(shown(answer, gallery.public) for answer in answers)
