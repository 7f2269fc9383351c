"""Ranges and conditions of RFC 9110, for one representation."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.routes.conditional import (
    RangeRequest,
    UnsatisfiableRange,
    Validators,
    http_date,
    is_not_modified,
    read_range,
)

CHANGED_AT = datetime(2026, 5, 6, 7, 8, 9, 123_456, tzinfo=UTC)
NOW = Validators('"abc"', CHANGED_AT)


def ask(header: str | None, *, size: int = 100, if_range: str | None = None) -> RangeRequest | None:
    return read_range(header, if_range=if_range, validators=NOW, byte_size=size)


@given(size=st.integers(1, 10_000), first=st.integers(0, 12_000), length=st.integers(0, 12_000))
def test_a_range_is_the_slice_that_it_names(size: int, first: int, length: int) -> None:
    header = f"bytes={first}-{first + length}"
    if first >= size:
        with pytest.raises(UnsatisfiableRange):
            ask(header, size=size)
        return

    part = ask(header, size=size)

    assert part is not None
    content = bytes(n % 251 for n in range(size))
    assert content[part.first : part.last + 1] == content[first : first + length + 1]


@given(size=st.integers(1, 10_000), wanted=st.integers(1, 12_000))
def test_a_suffix_is_the_end(size: int, wanted: int) -> None:
    part = ask(f"bytes=-{wanted}", size=size)

    assert part is not None
    assert (part.last, part.last - part.first + 1) == (size - 1, min(wanted, size))


@given(header=st.text(max_size=80), if_range=st.none() | st.text(max_size=80), size=st.integers(0, 50))
def test_no_header_is_a_fault(header: str, if_range: str | None, size: int) -> None:
    for text in (header, f"bytes={header}"):
        try:
            part = ask(text, size=size, if_range=if_range)
        except UnsatisfiableRange:
            continue
        assert part is None or 0 <= part.first <= part.last < size


@pytest.mark.parametrize("header", [None, "bytes=1-0", "bytes=0-1,3-4", "items=0-1", "bytes", "bytes=x", "bytes=-"])
def test_what_is_no_single_range_means_the_whole(header: str | None) -> None:
    assert ask(header) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_of_nothing_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(UnsatisfiableRange):
        ask(header)


@pytest.mark.parametrize(
    ("if_range", "is_part"),
    [
        *((None, True), ('"abc"', True), (http_date(CHANGED_AT), True)),
        *(('W/"abc"', False), ('"abd"', False), ("abc", False), ("", False)),
        *((http_date(CHANGED_AT - timedelta(seconds=1)), False), (http_date(CHANGED_AT + timedelta(seconds=1)), False)),
    ],
)
def test_if_range_wants_just_this_version(if_range: str | None, is_part: bool) -> None:
    assert (ask("bytes=0-1", if_range=if_range) is not None) is is_part


@pytest.mark.parametrize(
    ("if_none_match", "if_modified_since", "is_known"),
    [
        *((None, None, False), ('"abc"', None, True), ('W/"abc"', None, True), ("*", None, True)),
        *(('"x", "abc"', None, True), ('"x"', None, False), ("abc", None, False), ("", None, False)),
        *((None, http_date(CHANGED_AT), True), (None, http_date(CHANGED_AT + timedelta(days=1)), True)),
        *((None, http_date(CHANGED_AT - timedelta(seconds=1)), False), (None, "yesterday", False)),
        *(('"x"', http_date(CHANGED_AT), False), ('"abc"', http_date(CHANGED_AT - timedelta(days=1)), True)),
        *(('"x",' * 5_000 + '"abc"', None, False), (None, "Mon, 01 Jan 2001 00:00:00 -0000", False)),
    ],
)
def test_what_the_client_has_is_known(if_none_match: str | None, if_modified_since: str | None, is_known: bool) -> None:
    known = is_not_modified(NOW, if_none_match=if_none_match, if_modified_since=if_modified_since)

    assert known is is_known


@given(text=st.text(max_size=100))
def test_no_condition_is_a_fault(text: str) -> None:
    is_not_modified(NOW, if_none_match=None, if_modified_since=text)
    is_not_modified(NOW, if_none_match=text, if_modified_since=text)
