"""Addresses of pictures: each form of the paper is read, once decoded, and whatever else comes names nothing."""

from dataclasses import replace
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.addresses import (
    Address,
    BlobAddress,
    CloudflareAddress,
    PictureRoot,
    PrettyAddress,
    ShortAddress,
    SlinkAddress,
    TransformAddress,
    parse_address,
    split_path,
)
from app.domain.formats import ImageFormat
from app.domain.links import StablePath, make_pretty_path
from app.domain.outputs import OutputFormat
from app.domain.usernames import RESERVED
from app.domain.variants import Derivative, Family
from app.ids import ImageId, make_account_hash, make_short_id

ID = "018f3a9e-8a5b-7c21-9d0e-1f2a3b4c5d6e"
IMAGE = ImageId(UUID(ID))
HASH = "_" + "aB3" * 7
SHORT = "0aB1cD2eF3"
BASE = PictureRoot()
CDN_HOST = PictureRoot(is_cdn_host=True, cdn_prefix=())

BELOW_CDN: dict[str, Address] = {
    f"/f/{ID}/webp/small.webp": StablePath(IMAGE, Derivative(Family.WEBP, "small")),
    f"/images/{ID}/blob": BlobAddress(IMAGE),
    f"/image/{ID}.JPG": SlinkAddress(IMAGE, ImageFormat.JPEG),
    f"/t/{ID}/w=40,dpr=1.5.webp": TransformAddress(IMAGE, "w=40,dpr=1.5", OutputFormat.WEBP),
    f"/t/{ID}/w=40.auto": TransformAddress(IMAGE, "w=40", OutputFormat.AUTO),
    f"/t/{ID}/w=40.jpg": TransformAddress(IMAGE, "w=40", OutputFormat.JPEG),
    f"/i/{SHORT}": ShortAddress(SHORT),
    f"/i/{SHORT}/w512": ShortAddress(SHORT, "w512"),
    f"/{SHORT}": ShortAddress(SHORT),
    "/alice/trip/beach.jpg": PrettyAddress("alice", "trip", "beach.jpg"),
    "/alice/_/beach": PrettyAddress("alice", None, "beach"),
    "/alice/trip/b%C3%A9ach%20%25.jpg/w512": PrettyAddress("alice", "trip", "béach %.jpg", "w512"),
    "/alice/trip/be%CC%81.jpg": PrettyAddress("alice", "trip", "bé.jpg"),
    "/alice/trip/%252e%252e": PrettyAddress("alice", "trip", "%2e%2e"),
    f"/{HASH}/{ID}/public": CloudflareAddress(HASH, ID, "public"),
    f"/{HASH}/a/b%2Fc/%C3%BC/w=400,fit=cover": CloudflareAddress(HASH, "a/b/c/ü", "w=400,fit=cover"),
    f"/cdn-cgi/imagedelivery/{HASH}/{ID}/public": CloudflareAddress(HASH, ID, "public"),
}
NOTHING = [
    "",
    "/",
    "//",
    "/cdn",
    "/cdn/",
    "/cdn//alice/_/x.jpg",
    "/cdn/alice//x.jpg",
    "/cdn/alice/_/x.jpg/",
    "/cdn/alice/_/..",
    "/cdn/alice/_/%2e%2e",
    "/cdn/alice/../bob/x.jpg",
    "/cdn/alice/_/x%00.jpg",
    "/cdn/alice/_/x%0d%0a.jpg",
    "/cdn/alice/_/%ff%fe.jpg",
    "/cdn/alice/_/%c0%af.jpg",
    "/cdn/alice/_/%zz.jpg",
    "/cdn/alice/_/%",
    "/cdn/alice/_/a%2Fb.jpg",
    "/cdn/alice%2f_/x.jpg",
    "/cdn/ALICE/_/x.jpg",
    "/cdn/alice/Trip/x.jpg",
    "/cdn/alice/trip",
    "/cdn/alice/trip/x.jpg/w512/more",
    "/cdn/alice/trip/" + "x" * 256,
    "/cdn/alice/trip/x.jpg/" + "w" * 1025,
    "/cdn/alice/trip/" + "%C3%BC" * 3000,
    f"/cdn/{SHORT}x!",
    "/cdn/short",
    f"/cdn/i/{SHORT}/a/b",
    f"/cdn/{HASH}/public",
    f"/cdn/{HASH}x/{ID}/public",
    f"/cdn/_short/{ID}/public",
    f"/cdn/{HASH}/{'a' * 1025}/public",
    f"/cdn-cgi/image/{HASH}/{ID}/public",
    "/alice/trip/beach.jpg",
    f"/{SHORT}",
    f"/{HASH}/{ID}/public",
    f"/image/{ID}",
    f"/image/{ID}.svg",
    f"/image/{ID}/x.jpg",
    "/image/x.jpg",
    f"/t/{ID}/w=40",
    f"/t/{ID}/w=40.gif",
    f"/t/{ID}/a/w=40.webp",
    f"/t/{ID}/{'w' * 1025}.webp",
    f"/f/{ID}/webp/small%2fx.webp",
    f"/images/{ID}",
    "http://elsewhere/f/x",
    "alice/trip/x.jpg",
]


@pytest.mark.parametrize(("path", "address"), BELOW_CDN.items())
def test_every_form_is_read_at_the_root_of_a_host_of_its_own_and_below_cdn(path: str, address: Address) -> None:
    assert parse_address(path, CDN_HOST) == address
    assert parse_address(f"/cdn{path}", BASE) == address


@pytest.mark.parametrize("path", [path for path in BELOW_CDN if path.split("/")[1] in {"f", "images", "image", "t"}])
def test_addresses_that_begin_at_the_servers_own_are_read_there(path: str) -> None:
    assert parse_address(path, BASE) == BELOW_CDN[path]


def test_at_the_servers_own_address_a_short_one_may_be_a_page() -> None:
    assert parse_address(f"/i/{SHORT}", BASE) == ShortAddress(SHORT, may_be_page=True)
    assert parse_address(f"/cdn/i/{SHORT}", BASE) == ShortAddress(SHORT)
    assert parse_address(f"/i/{SHORT}", CDN_HOST) == ShortAddress(SHORT)


@pytest.mark.parametrize("path", NOTHING)
def test_anything_else_names_nothing(path: str) -> None:
    assert parse_address(path, BASE) is None


@pytest.mark.parametrize("path", ["/graphql", "/upload", "/healthz", "/metrics", "/schema.graphql", "/upload/x/y"])
def test_a_host_for_pictures_has_nothing_else(path: str) -> None:
    assert parse_address(path, CDN_HOST) is None


def test_a_prefix_of_the_operators_own_is_taken_for_cdn() -> None:
    root = replace(BASE, cdn_prefix=("media", "pics"))

    assert parse_address("/media/pics/alice/_/x.jpg", root) == PrettyAddress("alice", None, "x.jpg")
    assert parse_address("/cdn/alice/_/x.jpg", root) is None


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_no_reserved_name_is_an_owner(name: str) -> None:
    assert not isinstance(parse_address(f"/{name}/_/x.jpg", CDN_HOST), PrettyAddress)


names = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/"), min_size=1, max_size=40)


@given(names.filter(lambda name: name not in {".", ".."}), st.none() | st.just("trip"), st.none() | st.just("w512"))
def test_what_is_given_out_is_read_back(filename: str, album: str | None, size: str | None) -> None:
    path = make_pretty_path("alice", album, filename, size)
    parsed = parse_address(path, CDN_HOST)

    assert isinstance(parsed, PrettyAddress)
    assert (parsed.owner_name, parsed.album_slug, parsed.size) == ("alice", album, size)


def test_the_kinds_of_names_never_collide() -> None:
    for _ in range(100):
        assert isinstance(parse_address(f"/{make_short_id()}", CDN_HOST), ShortAddress)
        assert isinstance(parse_address(f"/{make_account_hash()}/a/b", CDN_HOST), CloudflareAddress)


@given(st.text() | st.binary().map(lambda raw: "/" + quote(raw, safe="/%")) | st.text("/.%2eEfF_\\a;").map("/".__add__))
def test_nothing_that_anyone_sends_is_too_much_for_the_parser(path: str) -> None:
    for root in (BASE, CDN_HOST):
        parse_address(path, root)
        parse_address(f"/cdn{path}", root)
    assert all(segment not in {"", ".", ".."} for segment in split_path(path) or ())
