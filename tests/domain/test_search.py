"""Words are found however they are written."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.search import MAX_WORDS, make_document, parse_query


def test_case_accents_and_punctuation_do_not_matter() -> None:
    assert make_document(["Café-Müller_2024.JPG", None, "Straße"]) == "cafe muller 2024 jpg strasse"
    assert parse_query("  CAFÉ müller ") == ["cafe", "muller"]


def test_a_query_without_words_is_empty() -> None:
    assert parse_query(' "*( :& ') == []


@given(st.text(max_size=300))
def test_no_sign_of_any_query_language_is_left(query: str) -> None:
    words = parse_query(query)

    assert len(words) <= MAX_WORDS
    assert all(word.isalnum() or all(c.isalnum() or c.isnumeric() for c in word) for word in words)


@given(st.lists(st.text(max_size=40), max_size=5))
def test_every_word_of_a_document_is_found_in_it(texts: list[str]) -> None:
    document = make_document(texts).split(" ")

    assert all(word in document for text in texts for word in parse_query(text) if len(word) < 64)
