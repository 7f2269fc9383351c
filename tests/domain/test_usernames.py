"""Usernames: which can be, and what is made of an e-mail address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.usernames import check_username, suggest_username
from app.errors import InvalidRequest


@pytest.mark.parametrize("name", ["abc", "a-1", "x" * 32])
def test_good_names_are_taken_as_they_are(name: str) -> None:
    assert check_username(name) == name


@pytest.mark.parametrize("name", ["", "ab", "x" * 33, "Anna", "a_b", "images", "cdn-cgi", "a b c", "änna", "abc\n"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_username(name)

    assert refusal.value.details == {"field": "username"}


@given(st.text())
def test_of_any_text_a_name_is_made_that_can_be(text: str) -> None:
    assert check_username(suggest_username(text))


def test_name_is_what_stands_before_the_at() -> None:
    assert suggest_username("Anna.Lee+x@example.org") == "anna-lee-x"
