"""Every row of the second table of http.md, section 3: what each state of a picture answers, at every address."""

import asyncio
import itertools
from collections.abc import Callable

import httpx
import pytest

from app.domain.variants import VariantState
from tests.support.further_api import further_api
from tests.support.gallery import Gallery, show
from tests.support.http_client import open_http
from tests.support.pictures import make_jpeg
from tests.support.site_rows import change_variant

UNKNOWN = "018f3a9e-8a5b-7c21-9d0e-1f2a3b4c5d6e"
NO_AVIF = {"Accept": "image/webp"}

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
DELETE = "mutation ($ids: [ID!]!) { deleteImages(ids: $ids) { deletedIds } }"
WIDTHS = itertools.count(701)
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
        path = gallery.sign(build(gallery, gallery.private.id, "secret.jpg"), in_s=3_600)

        opened = [await gallery.get(path) for _ in range(2)]

        for answer in opened:
            kind, _, age = answer.headers["cache-control"].partition(", max-age=")
            assert (answer.status_code, kind) == (200, "private")
            assert 0 < int(age) <= 3_600

    async def test_the_owner_sees_it_and_nobody_keeps_it(self, gallery: Gallery, build: Build) -> None:
        path = build(gallery, gallery.private.id, "secret.jpg")

        mine = await gallery.get(path, **{"X-API-Key": gallery.owner.key})
        others = await gallery.get(path, **{"X-API-Key": gallery.flexible.key})

        assert (mine.status_code, mine.headers["cache-control"]) == (200, "private, no-store")
        assert others.status_code == 404

    async def test_what_its_owner_may_have_of_a_public_image_is_kept_by_nobody_else(
        self, gallery: Gallery, build: Build
    ) -> None:
        path = build(gallery, gallery.public.id, "beach.jpg")

        mine = await gallery.get(path, **{"X-API-Key": gallery.owner.key})

        assert (mine.status_code, mine.headers["cache-control"]) == (200, "private, no-store")

    async def test_what_is_in_the_trash_is_404_for_its_owner_and_with_a_signature_too(
        self, gallery: Gallery, build: Build
    ) -> None:
        async with gallery.people.client(gallery.owner) as client:
            image = await show(client, make_jpeg(next(WIDTHS), 480), filename="gone.jpg", albumSlug="trip")
            before = await gallery.get(gallery.sign(build(gallery, image.id, "gone.jpg")))
            await client.ask(DELETE, ids=[image.id])
        path = build(gallery, image.id, "gone.jpg")

        strangers = await gallery.get(path)
        owners = await gallery.get(path, **{"X-API-Key": gallery.owner.key})
        signed = await gallery.get(gallery.sign(path))

        assert (before.status_code, strangers.status_code, owners.status_code) == (200, 404, 404)
        # A name leads to no image any more, so that nobody's key can have signed it.
        assert signed.status_code in {403, 404}


async def test_what_cannot_be_is_refused_alike_whether_there_is_such_an_image_or_not(gallery: Gallery) -> None:
    private, hash_ = gallery.private, gallery.account_hash
    pairs = [
        (f"/cdn/i/{private.short_id}/w=0", "/cdn/i/Zz9Zz9Zz9Z/w=0"),
        (f"/cdn/{hash_}/{private.id}/w=0", f"/cdn/{hash_}/{UNKNOWN}/w=0"),
        (gallery.pretty("secret.jpg", size="w=0"), gallery.pretty("nobodys.jpg", size="w=0")),
        (f"/image/{private.id}.jpg?w=99999", f"/image/{UNKNOWN}.jpg?w=99999"),
        (f"/t/{private.id}/blur=999.webp", f"/t/{UNKNOWN}/blur=999.webp"),
    ]

    answers = [(await gallery.get(there), await gallery.get(absent)) for there, absent in pairs]

    assert [(there.status_code, told(there)) for there, _ in answers] == [
        (absent.status_code, told(absent)) for _, absent in answers
    ]


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
    place = f"/cdn/{gallery.flexible_hash}/{gallery.free.id}"
    crowd = {"X-Forwarded-For": "203.0.113.77"}
    # One comes back every twelve seconds: many times that would have to pass before all of these were paid for.
    with further_api(gallery.people.site, SAFELIGHT_MISSES_PER_MINUTE="5") as strict:
        async with open_http(strict.base_url, headers=crowd) as http:
            assert (await http.get(f"{place}/small")).status_code == 200
            answers = await asyncio.gather(*(http.get(f"{place}/w={width},f=png?wait=0") for width in range(301, 341)))
            still = await http.get(f"{place}/small")
    refused = [answer for answer in answers if answer.status_code == 429]

    assert {answer.status_code for answer in answers} <= {200, 503, 429}
    assert refused
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert {answer.headers["cache-control"] for answer in refused} == {"no-store"}
    assert still.status_code == 200
