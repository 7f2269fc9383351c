"""`Accept`: AVIF before WebP before the original, as the client's weights allow, and pages for those who name HTML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.formats import ImageFormat
from app.domain.variants import Family
from app.routes.negotiation import MAX_ACCEPT_CHARACTERS, prefers_page, read_taste

AVIF, WEBP, ORIGINAL = Family.AVIF, Family.WEBP, Family.ORIGINAL
CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
OLD_SAFARI = "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"
NAVIGATION = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "liked"),
    [
        (None, [ORIGINAL]),
        ("", [ORIGINAL]),
        ("*/*", [ORIGINAL]),
        ("image/*", [ORIGINAL]),
        (OLD_SAFARI, [ORIGINAL]),
        (CHROME, [AVIF, WEBP]),
        (NAVIGATION, [AVIF, WEBP]),
        ("image/webp", [WEBP]),
        ("image/webp,*/*", [WEBP]),
        ("IMAGE/WebP ; Q=0.4", [WEBP]),
        ("image/avif", [AVIF, ORIGINAL]),
        ("image/avif,image/webp;q=0", [AVIF, ORIGINAL]),
        ("image/avif;q=0,image/webp", [WEBP]),
        ("image/avif;q=0.5,image/webp;q=0.9", [WEBP]),
        ("image/avif;q=0.9,image/webp;q=0.5", [AVIF, WEBP]),
        ("image/webp;q=0.2,image/jpeg;q=0.9", [ORIGINAL]),
        ("image/webp;q=0.2,image/*;q=0.9", [ORIGINAL]),
        ("image/avif;q=0.9,image/jpeg;q=0.8,image/webp;q=0.7", [AVIF, ORIGINAL]),
        ("image/png", [ORIGINAL]),
        ("text/html", [ORIGINAL]),
        ("image/webp;q=2", [ORIGINAL]),
        ("image/webp;q=nan", [ORIGINAL]),
        ("image/webp;q=", [ORIGINAL]),
        (";;;,,,q=1", [ORIGINAL]),
        ("image/webp," + "x" * MAX_ACCEPT_CHARACTERS, [ORIGINAL]),
    ],
)
def test_a_jpeg_is_sent_as_the_client_likes_it(accept: str | None, liked: list[Family]) -> None:
    assert list(read_taste(accept).prefer(ImageFormat.JPEG)) == liked


def test_the_weight_of_the_originals_own_format_counts() -> None:
    taste = read_taste("image/webp;q=0.5,image/png")

    assert taste.prefer(ImageFormat.PNG) == (ORIGINAL,)
    assert taste.prefer(ImageFormat.JPEG) == (WEBP,)


def test_before_the_bytes_have_come_a_jpeg_is_supposed() -> None:
    assert read_taste(CHROME).prefer(None) == read_taste(CHROME).prefer(ImageFormat.JPEG)


def test_headers_that_are_answered_alike_have_one_name() -> None:
    assert read_taste(CHROME).name == read_taste(NAVIGATION).name
    assert read_taste(None).name == read_taste(OLD_SAFARI).name
    assert read_taste("image/webp").name != read_taste("image/avif").name


@given(st.text(max_size=200))
def test_whatever_comes_something_is_liked_that_can_be_had(accept: str) -> None:
    for stored in (ImageFormat.JPEG, ImageFormat.GIF, ImageFormat.HEIC, None):
        assert read_taste(accept).prefer(stored)[-1] in {WEBP, ORIGINAL}
    prefers_page(accept)


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (NAVIGATION, True),
        ("text/html", True),
        ("text/html;q=0.9,image/webp;q=0.9", True),
        ("application/xhtml+xml", True),
        ("text/html;q=0.5,image/webp", False),
        ("text/html;q=0", False),
        (CHROME, False),
        ("*/*", False),
        ("text/*", False),
        ("", False),
        (None, False),
        ("text/html," + "x" * MAX_ACCEPT_CHARACTERS, False),
    ],
)
def test_a_page_is_for_those_who_name_html_and_no_picture_before_it(accept: str | None, is_page: bool) -> None:
    assert prefers_page(accept) is is_page
