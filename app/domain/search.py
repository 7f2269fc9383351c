"""Words to be found: the same folding for what is kept and for what is asked, so that both databases agree."""

import re
import unicodedata
from collections.abc import Iterable

MAX_WORDS = 12
MAX_WORD_CHARACTERS = 64
MAX_DOCUMENT_CHARACTERS = 20_000

_NOT_A_WORD = re.compile(r"[\W_]+")


def make_document(texts: Iterable[str | None]) -> str:
    """What is kept of an image's texts: folded words with single spaces between."""
    joined = " ".join(text for text in texts if text)
    return " ".join(_fold(joined[:MAX_DOCUMENT_CHARACTERS]))


def parse_query(query: str) -> list[str]:
    """The words to look for, each meant as a beginning; empty where the query holds none.

    Every word must be found. Only letters and digits are left, so that a word is safe in any database's own syntax.
    """
    return [word[:MAX_WORD_CHARACTERS] for word in dict.fromkeys(_fold(query))][:MAX_WORDS]


def _fold(text: str) -> list[str]:
    # NFKD takes letters and accents apart; the accents (Mn) go. casefold after it, as some letters unfold to two.
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(character for character in decomposed if unicodedata.category(character) != "Mn")
    return [word for word in _NOT_A_WORD.split(bare.casefold()) if word]
