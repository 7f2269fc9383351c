"""What an owner may call an image."""

import unicodedata
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.addresses import CloudflareAddress, PictureRoot, parse_address
from app.domain.custom_ids import check_custom_id
from app.domain.links import make_cloudflare_path
from app.errors import InvalidRequest

HASH = "_" + "a" * 21


@pytest.mark.parametrize("text", ["a", "a/b/c", "trips/2026/Börse ☀ 100%", "a//b", "a/../b", "...", "x" * 1024])
def test_a_name_that_an_address_can_have_is_taken(text: str) -> None:
    assert check_custom_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "/", "/a", "a/", ".", "..", "a\0", "a\n", "\x7f", "\ud800", "x" * 1025),
        "2CDC28F0-017a-49c4-9ed7-87056c839012",
    ],
)
def test_what_no_address_can_have_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_custom_id(text)

    assert refusal.value.details["field"] == "customId"


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60) | st.text("a/.%", min_size=1, max_size=8))
def test_every_name_that_is_taken_is_found_at_its_address(text: str) -> None:
    try:
        name = check_custom_id(text)
    except InvalidRequest:
        return
    assert name == unicodedata.normalize("NFC", text)
    path = urlsplit(f"https://cdn.example{make_cloudflare_path(HASH, name, 'public')}").path

    address = parse_address(path, PictureRoot(is_cdn_host=True, cdn_prefix=()))

    assert address == CloudflareAddress(HASH, name, "public")
