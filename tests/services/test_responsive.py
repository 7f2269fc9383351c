"""Responsive pictures and posts: which addresses stand in them, for the owner and for everybody else."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from app.db.records import ImageRecord, SigningKeyRecord, VariantRecord
from app.db.snapshots import ImageSnapshot
from app.domain.access import Visibility
from app.domain.formats import ImageFormat
from app.domain.markup import PictureParts
from app.domain.outputs import OutputFormat
from app.domain.signatures import verify
from app.domain.states import ImageState
from app.domain.transforms import Transform
from app.domain.variants import Derivative, Family, VariantState
from app.errors import InvalidRequest
from app.ids import AccountId, ImageId, VariantId
from app.services.delivery.linking import PRIVATE_S, PUBLIC_S, Linker
from app.services.delivery.responsive import PictureWish, check_wish, plan_embedding, plan_picture
from tests.support.library_fixture import columns_of

BASE, CDN = "https://img.example.org", "https://cdn.example.org/pics"
KEY = SigningKeyRecord(UUID(int=9), AccountId(UUID(int=1)), "default", "secret", datetime.now(UTC))
IMAGE_ID = ImageId(UUID(int=5))
READY, PLANNED, FAILED = VariantState.READY, VariantState.PLANNED, VariantState.FAILED


def image(**changes: object) -> ImageRecord:
    columns = {**columns_of(AccountId(UUID(int=1)), 1), "width_px": 1600, "height_px": 900, "short_id": "Ab12Cd34Ef"}
    values: dict[str, Any] = {**dict.fromkeys(ImageRecord._fields), "id": IMAGE_ID, **columns, **changes}
    return ImageRecord(**values)


def variant(family: Family, size: str, state: VariantState = READY, width_px: int | None = None) -> VariantRecord:
    values: dict[str, Any] = dict.fromkeys(VariantRecord._fields)
    values |= {"id": VariantId(UUID(int=7)), "image_id": IMAGE_ID, "family": family, "size": size, "state": state}
    return VariantRecord(**(values | {"width_px": width_px, "height_px": width_px}))


def linker(record: ImageRecord, *variants: VariantRecord, is_owner: bool = False) -> Linker:
    snapshot = ImageSnapshot(record.id, record, (variant(Family.ORIGINAL, "original"), *variants))
    return Linker(snapshot, BASE, CDN, [KEY] if is_owner else None)


def plan(links: Linker, widths: Sequence[int] = (320, 640, 1024, 1536), *families: Family) -> PictureParts:
    parts = plan_picture(links, PictureWish(widths, families or (Family.WEBP,)))
    assert parts is not None
    return parts


def rungs(parts: PictureParts) -> list[tuple[str, int]]:
    """The addresses of the only source, without what is the same in all, with their widths."""
    (source,) = parts.sources
    prefixes = (f"{BASE}/f/{IMAGE_ID}/", f"{CDN}/i/Ab12Cd34Ef", f"{BASE}/t/{IMAGE_ID}/")
    found = []
    for each in source.candidates:
        (prefix,) = [prefix for prefix in prefixes if each.url.startswith(prefix)]
        found.append((each.url.removeprefix(prefix).partition("?")[0], each.width_px))
    return found


def test_strangers_get_the_presets_above_what_they_ask_for() -> None:
    parts = plan(linker(image(), variant(Family.WEBP, "medium"), variant(Family.WEBP, "w1024", PLANNED)))

    assert rungs(parts) == [("webp/medium.webp", 500), ("webp/w1024.webp", 1024), ("/w1536", 1536)]
    assert parts.src == f"{CDN}/i/Ab12Cd34Ef/w1536"


def test_owners_get_the_very_widths_signed_where_no_preset_has_them() -> None:
    parts = plan(linker(image(), is_owner=True), (320, 512))

    assert rungs(parts) == [("w=320.webp", 320), ("/w512", 512)]
    signed = urlsplit(parts.sources[0].candidates[0].url)
    assert verify(f"{signed.path}?{signed.query}", ["secret"], now_s=0) is not None
    assert "sig=" not in parts.sources[0].candidates[1].url


@pytest.mark.parametrize("is_owner", [True, False])
def test_nothing_is_wider_than_the_image_and_no_width_stands_there_twice(is_owner: bool) -> None:
    parts = plan(linker(image(width_px=450, height_px=300), is_owner=is_owner), (400, 450, 1024, 12_000))

    assert rungs(parts)[-1] == ("/medium", 450)
    widths = [width for _, width in rungs(parts)]
    assert widths == ([400, 450] if is_owner else [450])


def test_beyond_the_widest_preset_there_is_the_original() -> None:
    parts = plan(linker(image(width_px=6000, height_px=4000)), (4000,), Family.AVIF)

    assert rungs(parts) == [("", 6000)]
    assert parts.src == f"{BASE}/f/{IMAGE_ID}/original/original.jpg"


def test_of_an_animation_only_what_moves_is_offered() -> None:
    parts = plan(linker(image(frames=3, format=ImageFormat.GIF)), (320,), Family.AVIF, Family.WEBP, Family.ORIGINAL)

    assert [source.media_type for source in parts.sources] == ["image/webp", "image/gif"]


def test_what_failed_is_asked_for_where_it_is_tried_again() -> None:
    parts = plan(linker(image(), variant(Family.WEBP, "medium", FAILED)), (320,))

    assert rungs(parts) == [("/medium", 500)]


def test_every_address_of_a_private_image_is_signed_for_its_owner_as_it_arrives() -> None:
    links = linker(image(visibility=Visibility.PRIVATE), variant(Family.WEBP, "medium"), is_owner=True)
    parts = plan(links, (320, 500, 512))
    embedding = plan_embedding(links, "original")

    urls = [candidate.url for candidate in parts.sources[0].candidates] + [parts.src, links.page()]
    ends = [verify(f"{urlsplit(url).path}?{urlsplit(url).query}", ["secret"], now_s=0) for url in urls]
    assert all(ends)
    assert len(set(ends)) <= 2
    assert f"[url={links.page()}]" in embedding.bbcode


@pytest.mark.parametrize("cdn", ["https://h.example/pics/cdn", "https://cdn.example/img", "https://h.example/pics"])
def test_a_signature_is_good_for_the_path_that_a_proxy_leaves_and_for_the_whole(cdn: str) -> None:
    snapshot = ImageSnapshot(IMAGE_ID, image(visibility=Visibility.PRIVATE), (variant(Family.WEBP, "medium"),))
    links = Linker(snapshot, "https://h.example/pics", cdn, [KEY])

    urls = [urlsplit(url) for url in (links.page(), links.download(), plan(links, (320,)).src)]

    for url in urls:
        assert url.path.startswith("/pics/" if url.netloc == "h.example" else "/img/")
        arriving = url.path.removeprefix("/pics") if url.netloc == "h.example" else url.path
        assert verify(f"{arriving}?{url.query}", ["secret"], now_s=0, base_path="/pics")
        # As Cloudflare's code checks it, which knows nothing of proxies.
        assert verify(f"{url.path}?{url.query}", ["secret"], now_s=0)


def test_a_signature_is_good_for_its_time_and_is_the_same_for_a_while() -> None:
    now_s = datetime.now(UTC).timestamp()
    wish, output = Transform(width_px=7), OutputFormat.AUTO

    for visibility, good_for_s in ((Visibility.PUBLIC, PUBLIC_S), (Visibility.PRIVATE, PRIVATE_S)):
        url = linker(image(visibility=visibility), is_owner=True).transform(wish, output)
        assert url is not None
        until_s = int(url.partition("exp=")[2].partition("&")[0])
        assert good_for_s - 2 <= until_s - now_s <= good_for_s * 25 / 24 + 2
        assert until_s % (good_for_s // 24) == 0


def test_strangers_are_given_no_transformation() -> None:
    assert linker(image()).transform(Transform(width_px=7), OutputFormat.AUTO) is None


@pytest.mark.parametrize(
    ("changes", "alt"), [({"alt": "A", "title": "B"}, "A"), ({"alt": "", "title": "B"}, "B"), ({}, "")]
)
def test_the_words_for_the_picture_are_its_alt_or_else_its_title(changes: dict[str, object], alt: str) -> None:
    assert plan(linker(image(**changes))).alt == alt


def test_the_placeholder_is_left_out_where_it_would_shine_through() -> None:
    seen = {"dominant_color": "#a1b2c3", "placeholder_png": "iVBO"}

    assert plan(linker(image(**seen))).backdrop is not None
    assert plan(linker(image(**seen, has_alpha=True))).backdrop is None


def test_a_draft_has_no_picture_yet_and_addresses_for_posts_already() -> None:
    draft = image(state=ImageState.AWAITING_UPLOAD, width_px=None, height_px=None, format=None)

    assert plan_picture(linker(draft), PictureWish()) is None
    assert f"{BASE}/f/{IMAGE_ID}/original/original.jpg" in plan_embedding(linker(draft), "original").html


def test_posts_have_the_size_that_was_asked_for() -> None:
    links = linker(image(title="Sea & sand"), variant(Family.ORIGINAL, "small", width_px=200))

    made, small, thumb = (plan_embedding(links, size) for size in ("original", "small", "thumb"))

    assert 'width="1600" height="900"' in made.html
    assert f"{BASE}/f/{IMAGE_ID}/original/small.jpg" in small.markdown
    assert 'alt="Sea &amp; sand" width="128" height="128"' in thumb.html
    assert thumb.bbcode == f"[url={BASE}/i/Ab12Cd34Ef][img]{CDN}/i/Ab12Cd34Ef/thumb[/img][/url]"


@pytest.mark.parametrize("size", ["", "a/b", "../x", 'x"y', "x" * 100])
def test_a_size_that_no_preset_can_have_is_refused(size: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        plan_embedding(linker(image()), size)

    assert refused.value.details == {"field": "size"}


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (PictureWish(widths_px=()), "widths"),
        (PictureWish(widths_px=(0,)), "widths"),
        (PictureWish(widths_px=(12_001,)), "widths"),
        (PictureWish(widths_px=range(1, 22)), "widths"),
        (PictureWish(sizes=" "), "sizes"),
        (PictureWish(sizes="x" * 501), "sizes"),
        (PictureWish(sizes="\0"), "sizes"),
    ],
)
def test_impossible_wishes_are_refused_by_name(wish: PictureWish, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_wish(wish)

    assert refused.value.details["field"] == field


def test_one_derivative_is_looked_up_by_family_and_size() -> None:
    links = linker(image(), variant(Family.WEBP, "small"))

    assert links.find(Derivative(Family.AVIF, "small")) is None
