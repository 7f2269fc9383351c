"""Parts of the import that a whole run shows too late, or not at all: where keys go, how albums are called, waiting."""

import itertools

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client.moving.albums import MAX_SLUG_CHARACTERS, albums_of, slug_of
from app.client.moving.cloudflare import is_generated
from app.client.moving.codes import MovingCode
from app.client.moving.items import OldAlbum
from app.client.moving.old_site import OldAddress
from app.client.moving.persisting import persist
from app.client.moving.refusals import check_status
from app.client.moving.target import Target
from app.client.problems import Problem
from app.domain.albums import is_slug

SECURE = OldAddress("https://old.example.org", {"Authorization": "Bearer secret"}, frozenset({"cdn.example.org:8443"}))
PLAIN = OldAddress("http://old.example.org", {})


class TestAddresses:
    @pytest.mark.parametrize(
        "url", ["https://old.example.org/a", "https://OLD.example.org", "https://cdn.example.org:8443/b?c"]
    )
    def test_named_hosts_are_followed(self, url: str) -> None:
        assert SECURE.check(url) == url

    @pytest.mark.parametrize(
        "url",
        [
            "http://old.example.org/a",
            "https://old.example.org:8443/a",
            "https://cdn.example.org/a",
            "https://old.example.org.evil.example/a",
            "https://old.example.org@evil.example/a",
            "https://user@old.example.org/a",
            "//old.example.org/a",
            "ftp://old.example.org/a",
            "file:///etc/passwd",
            "data:image/png;base64,AA==",
            "/etc/passwd",
            "",
        ],
    )
    def test_no_other_place_is_and_none_without_encryption_where_there_was_some(self, url: str) -> None:
        with pytest.raises(Problem) as refused:
            SECURE.check(url)

        assert refused.value.code == MovingCode.FOREIGN_HOST

    def test_what_began_without_encryption_may_go_on_with_it(self) -> None:
        assert PLAIN.check("https://old.example.org/a")
        assert PLAIN.check("http://old.example.org/a")


class TestAlbums:
    @given(st.text(max_size=100))
    def test_every_name_becomes_a_slug(self, name: str) -> None:
        assert is_slug(slug_of(name))

    @given(st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}[a-z0-9]", fullmatch=True))
    def test_slugs_stay(self, slug: str) -> None:
        assert slug_of(slug) == slug

    @given(st.lists(st.text(max_size=80), unique=True, max_size=20), st.randoms())
    def test_no_two_albums_become_one_and_the_order_makes_no_difference(
        self, names: list[str], shuffle: object
    ) -> None:
        target = Target.__new__(Target)
        albums = albums_of({name: OldAlbum(name) for name in names}, target)
        again = albums_of({name: OldAlbum(name) for name in reversed(names)}, target)

        slugs = [album.slug for album in albums.wanted.values()]
        assert len(set(slugs)) == len(names)
        assert all(is_slug(slug) and len(slug) <= MAX_SLUG_CHARACTERS for slug in slugs)
        assert again.wanted == albums.wanted


@pytest.mark.parametrize(
    ("old_id", "is_theirs"),
    [
        ("2cdc28f0-017a-49c4-9ed7-87056c83901", True),
        ("083eb7b2-5392-4565-b69e-aff66acddd00", True),
        ("beach", False),
        ("trips/2026/beach", False),
        ("a-b-c-d-e", False),
        ("083eb7b2-5392-4565-b69e-aff66acddd0z", False),
    ],
)
def test_ids_that_cloudflare_chose_are_told_from_custom_ones(old_id: str, is_theirs: bool) -> None:
    assert is_generated(old_id) is is_theirs


class TestWaiting:
    async def test_passing_trouble_is_told_and_tried_again(self) -> None:
        told: list[Problem] = []
        tries = itertools.count(1)

        async def attempt() -> int:
            if next(tries) < 3:
                raise Problem(MovingCode.OLD_RATE_LIMITED, "Later.", is_passing=True, retry_after_s=0.0)
            return 7

        assert await persist(attempt, told.append) == 7
        assert [problem.code for problem in told] == ["OLD_RATE_LIMITED"] * 2

    @pytest.mark.parametrize("wait_s", [901.0, 1e9, float("inf")])
    async def test_who_asks_to_wait_for_long_is_not_waited_for(self, wait_s: float) -> None:
        async def attempt() -> None:
            raise Problem("RATE_LIMITED", "Later.", is_passing=True, retry_after_s=wait_s)

        with pytest.raises(Problem) as ended:
            await persist(attempt, lambda problem: None)

        assert ended.value.code == "RATE_LIMITED"
        assert not ended.value.is_passing

    @pytest.mark.parametrize(
        ("text", "wait_s"),
        [("3", 3.0), ("-1", 0.0), ("Thu, 01 Jan 2015 00:00:00 GMT", 0.0), ("soon", None), ("nan", None), (None, None)],
    )
    def test_retry_after_is_read_as_seconds_or_a_date(self, text: str | None, wait_s: float | None) -> None:
        headers = {} if text is None else {"Retry-After": text}

        with pytest.raises(Problem) as refused:
            check_status(httpx.Response(429, headers=headers), what="it")

        assert refused.value.retry_after_s == wait_s
