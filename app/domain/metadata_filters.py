"""Conditions on the owner's own metadata, in the words of Cloudflare's lists: `meta.region.name[eq]=eu-west`."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from app.domain.texts import MAX_METADATA_NUMBER, is_text
from app.errors import InvalidRequest

MAX_TESTS = 20
MAX_DEPTH = 8
MAX_CHOICES = 100
"""Values of one `in`."""

MetadataValue = str | int | float | bool

# A name that SQLite's paths can quote; nothing in it needs escaping anywhere.
_PARAMETER = re.compile(r"meta\.([^\[\]\"\\\x00-\x1f]+)\[([a-z]+)(?::([a-z]+))?\]")
_BOOLEANS = {"true": True, "false": False}


class Comparison(StrEnum):
    """How a value of the metadata is compared."""

    IN = "in"
    """With any of several; `eq` is the same with one."""
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"


_KINDS = {
    "eq": ("string", "number", "boolean"),
    "in": ("string", "number"),
    **{comparison.value: ("number",) for comparison in Comparison if comparison is not Comparison.IN},
}


@dataclass(frozen=True, slots=True)
class MetadataTest:
    """One condition. Values of another type never fit: "5" is not 5."""

    path: tuple[str, ...]
    """The names that lead to the value, from the outside in."""
    comparison: Comparison
    values: tuple[MetadataValue, ...]
    """All of one type; just one, but for IN."""


def read_metadata_tests(query: Iterable[tuple[str, str]]) -> tuple[MetadataTest, ...]:
    """The conditions among a query's parameters, all of which must hold.

    Raises:
        InvalidRequest: one of them cannot be understood; `details.field` names it.
    """
    tests = tuple(_read_test(name, value) for name, value in query if name.startswith("meta."))
    if len(tests) > MAX_TESTS:
        raise InvalidRequest(f"At most {MAX_TESTS} conditions on metadata can be given.", details={"field": "meta"})
    return tests


def _read_test(name: str, text: str) -> MetadataTest:
    found = _PARAMETER.fullmatch(name)
    operator = found[2] if found else ""
    kind = (found[3] or _KINDS.get(operator, ("",))[0]) if found else ""
    path = tuple(found[1].split(".")) if found else ()
    if kind not in _KINDS.get(operator, ()) or len(path) > MAX_DEPTH or "" in path or not is_text(name + text):
        raise _refuse(name, "is no condition that is known, such as meta.status[eq]")
    texts = text.split("|") if operator == "in" else [text]
    if len(texts) > MAX_CHOICES:
        raise _refuse(name, f"may have at most {MAX_CHOICES} values")
    comparison = Comparison.IN if operator == "eq" else Comparison(operator)
    return MetadataTest(path, comparison, tuple(_read_value(name, each, kind) for each in texts))


def _read_value(name: str, text: str, kind: str) -> MetadataValue:
    if kind == "string":
        return text
    if kind == "boolean":
        if text not in _BOOLEANS:
            raise _refuse(name, "takes true or false")
        return _BOOLEANS[text]
    try:
        number = float(text)
    except ValueError as error:
        raise _refuse(name, "takes a number") from error
    if not math.isfinite(number) or abs(number) >= MAX_METADATA_NUMBER:
        raise _refuse(name, "takes a number that 64 bits hold")
    return int(number) if number.is_integer() else number


def _refuse(name: str, why: str) -> InvalidRequest:
    shown = name[:100]
    return InvalidRequest(f"{shown} {why}.", details={"field": shown})
