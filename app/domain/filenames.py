"""Names of files as people send them, made safe to show and to serve."""

import unicodedata

MAX_FILENAME_BYTES = 255
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def clean_filename(name: str | None, *, fallback: str) -> str:
    """The last path component in NFC, without control and bidi-override characters, at most 255 bytes of UTF-8.

    Only names are cut: what they say about the type of a file is never believed. An empty name gives `fallback`.
    """
    if name is None:
        return fallback
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(character for character in unicodedata.normalize("NFC", last) if _is_kept(character)).strip()
    if kept.strip(".") == "":
        return fallback
    return _cut(kept)


def _is_kept(character: str) -> bool:
    # Cc: control, Cs: lone surrogates (which UTF-8 cannot hold), Zl and Zp: line and paragraph separators.
    return unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"} and character not in _BIDI_CONTROLS


def _cut(name: str) -> str:
    if len(name.encode()) <= MAX_FILENAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode()) > 16:
        stem, dot, extension = name, "", ""
    room = MAX_FILENAME_BYTES - len((dot + extension).encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + dot + extension
