"""What people write, checked."""

import pytest

from app.domain.texts import MAX_METADATA_BYTES, check_metadata, check_sha256, check_tags, check_text
from app.errors import InvalidRequest


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 11, "  "])
def test_a_text_that_cannot_be_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_text(text, field="title", max_characters=10, may_be_empty=False)

    assert refusal.value.details["field"] == "title"


def test_texts_are_kept_in_nfc() -> None:
    assert check_text("e\u0301", field="title", max_characters=10) == "\u00e9"
    assert check_text(None, field="title", max_characters=10) is None


def test_tags_are_trimmed_and_unique_in_their_order() -> None:
    assert check_tags([" beach ", "sun", "beach"]) == ["beach", "sun"]


@pytest.mark.parametrize("tags", [[""], ["x" * 65], ["\0"], [str(number) for number in range(51)]])
def test_tags_that_cannot_be_are_refused(tags: list[str]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_tags(tags)

    assert refusal.value.details["field"] == "tags"


@pytest.mark.parametrize("metadata", [[], "text", 5, {"a": "x" * MAX_METADATA_BYTES}, {"a": float("nan")}, {"a": "\0"}])
def test_metadata_that_cannot_be_kept_is_refused(metadata: object) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_metadata(metadata)

    assert refusal.value.details["field"] == "metadata"


def test_metadata_that_is_nested_without_end_is_refused() -> None:
    value: object = 1
    for _ in range(100_000):
        value = [value]

    with pytest.raises(InvalidRequest) as refusal:
        check_metadata({"a": value})

    assert refusal.value.details["field"] == "metadata"


def test_metadata_of_exactly_the_limit_is_kept() -> None:
    metadata = {"a": "x" * (MAX_METADATA_BYTES - len('{"a":""}'))}

    assert check_metadata(metadata) == metadata
    assert check_metadata(None) == {}


@pytest.mark.parametrize("text", ["", "A" * 64, "0" * 63, "0" * 65, "g" * 64, "\u0660" * 64])
def test_a_checksum_is_64_lower_case_digits(text: str) -> None:
    with pytest.raises(InvalidRequest):
        check_sha256(text)
