"""Names of files as people send them, made safe to show and to serve."""

import re
import unicodedata
from collections.abc import Sequence

from app.domain.formats import EXTENSIONS, FORMATS_BY_EXTENSION, ImageFormat

MAX_FILENAME_BYTES = 255
MAX_EXTENSION_BYTES = 16
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")

_NOT_PORTABLE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
# Windows opens these devices whatever the extension.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(10))})


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


def number_filename(name: str, number: int) -> str:
    """`beach.jpg` as `beach-2.jpg`; a long stem is cut so that the whole stays at most 255 bytes."""
    stem, extension = split_filename(name)
    mark = f"-{number}"
    room = MAX_FILENAME_BYTES - len((mark + extension).encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + mark + extension


def split_filename(name: str) -> tuple[str, str]:
    """Stem and extension, dot included; what looks like none of a file belongs to the stem."""
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem or len(extension.encode()) > MAX_EXTENSION_BYTES:
        return name, ""
    return stem, dot + extension


def download_filename(name: str, codec: ImageFormat) -> str:
    """The name under which bytes of this format are saved: `evil.html` of a PNG becomes `evil.html.png`.

    Systems choose the program that opens a file by its extension, so it must be one of the format that was checked.
    """
    extension = split_filename(name)[1].lower().removeprefix(".")
    return name if FORMATS_BY_EXTENSION.get(extension) is codec else _cut(f"{name}.{EXTENSIONS[codec]}")


def _is_kept(character: str) -> bool:
    # Cc: control, Cs: lone surrogates (which UTF-8 cannot hold), Zl and Zp: line and paragraph separators.
    return unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"} and character not in _BIDI_CONTROLS


def _cut(name: str) -> str:
    if len(name.encode()) <= MAX_FILENAME_BYTES:
        return name
    stem, extension = split_filename(name)
    room = MAX_FILENAME_BYTES - len(extension.encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + extension


def portable_names(names: Sequence[str]) -> list[str]:
    """The names, in their order, so that a folder of any system takes them all: none twice, and none that means more.

    What Windows takes for something else goes; two that differ in capitals only get numbers.
    """
    taken: set[str] = set()
    found = []
    for name in names:
        safe = candidate = _portable(name)
        number = 2
        while candidate.casefold() in taken:
            candidate = number_filename(safe, number)
            number += 1
        taken.add(candidate.casefold())
        found.append(candidate)
    return found


def _portable(name: str) -> str:
    kept = _NOT_PORTABLE.sub("_", name).strip().rstrip(". ") or "_"
    return f"_{kept}" if kept.partition(".")[0].rstrip().casefold() in _DEVICES else kept
