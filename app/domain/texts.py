"""Checks of what people write: lengths, characters that no database or page can hold, and small JSON objects."""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence

from app.errors import InvalidRequest

MAX_TITLE_CHARACTERS = 255
MAX_TEXT_CHARACTERS = 5_000
MAX_CREATOR_CHARACTERS = 1_024
MAX_CUSTOM_ID_CHARACTERS = 1_024
MAX_METADATA_BYTES = 1_024
MAX_METADATA_NUMBER = 2**63
MAX_TAGS = 50
MAX_TAG_CHARACTERS = 64

_SHA256 = re.compile("[0-9a-f]{64}", re.ASCII)


def check_text(text: str | None, *, field: str, max_characters: int, may_be_empty: bool = True) -> str | None:
    """The text in NFC, or None where there is none.

    Raises:
        InvalidRequest: it is too long, empty where it must not be, or holds NUL or a lone surrogate.
    """
    if text is None:
        return None
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise InvalidRequest(f"{field} holds a character that is not text.", details={"field": field})
    if len(text) > max_characters:
        limits = {"field": field, "maxCharacters": max_characters}
        raise InvalidRequest(f"{field} may have at most {max_characters} characters.", details=limits)
    if not text.strip() and not may_be_empty:
        raise InvalidRequest(f"{field} must not be empty.", details={"field": field})
    return unicodedata.normalize("NFC", text)


def check_tags(tags: Sequence[str] | None, *, field: str = "tags") -> list[str]:
    """The tags without doubles and outer spaces, in their order.

    Raises:
        InvalidRequest: there are too many, or one is empty or too long.
    """
    cleaned = [
        check_text(tag.strip(), field=field, max_characters=MAX_TAG_CHARACTERS, may_be_empty=False)
        for tag in tags or ()
    ]
    unique = [tag for tag in dict.fromkeys(cleaned) if tag is not None]
    if len(unique) > MAX_TAGS:
        raise InvalidRequest(f"An image may have at most {MAX_TAGS} tags.", details={"field": field})
    return unique


def check_metadata(metadata: object, *, field: str = "metadata") -> dict[str, object]:
    """The owner's own key-value object; {} where there is none.

    Raises:
        InvalidRequest: it is no object, takes more than `MAX_METADATA_BYTES` as JSON, or holds NUL or a number that
            64 bits do not.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        raise InvalidRequest(f"{field} must be a JSON object.", details={"field": field})
    try:
        size_bytes = len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{field} holds a value that JSON cannot carry.", details={"field": field}) from error
    if size_bytes > MAX_METADATA_BYTES:
        limits = {"field": field, "maxBytes": MAX_METADATA_BYTES}
        raise InvalidRequest(f"{field} may take at most {MAX_METADATA_BYTES} bytes as JSON.", details=limits)
    if not all(map(_can_be_kept, _leaves(metadata))):
        raise InvalidRequest(f"{field} holds a value that cannot be kept.", details={"field": field})
    return metadata


def _leaves(document: object) -> Iterator[object]:
    """Every key and every value of a JSON document that holds no others."""
    open_ends = [document]
    while open_ends:
        value = open_ends.pop()
        if isinstance(value, dict):
            open_ends += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            open_ends += value
        else:
            yield value


def _can_be_kept(leaf: object) -> bool:
    # PostgreSQL keeps no NUL in texts, and gives 1e300 back as a whole number that no JSON library writes.
    if isinstance(leaf, str):
        return "\0" not in leaf
    return not isinstance(leaf, int | float) or abs(leaf) < MAX_METADATA_NUMBER


def check_sha256(text: str | None, *, field: str = "sha256") -> str | None:
    """A SHA-256 as 64 lower-case hexadecimal digits, or None.

    Raises:
        InvalidRequest: it is anything else.
    """
    if text is not None and not _SHA256.fullmatch(text):
        raise InvalidRequest(f"{field} must be 64 lower-case hexadecimal digits.", details={"field": field})
    return text
