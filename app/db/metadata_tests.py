"""Conditions on images' metadata as SQL. They have no index: a list is read along its owner's and passes rows over."""

from collections.abc import Callable
from operator import ge, gt, le, lt
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_
from sqlalchemy.dialects.postgresql import JSONB

from app.db.tables import images
from app.domain.metadata_filters import Comparison, MetadataTest, MetadataValue

# Operators of columns and values alike.
_OPERATORS: dict[Comparison, Callable[[Any, Any], Any]] = {
    Comparison.GT: gt,
    Comparison.GTE: ge,
    Comparison.LT: lt,
    Comparison.LTE: le,
}


def holds(test: MetadataTest, *, is_sqlite: bool) -> ColumnElement[bool]:
    """Does an image's metadata fit?"""
    fits = _fits_sqlite if is_sqlite else _fits_postgresql
    return or_(*(fits(test, value) for value in test.values))


def _fits_sqlite(test: MetadataTest, value: MetadataValue) -> ColumnElement[bool]:
    path = "$" + "".join(f'."{name}"' for name in test.path)
    kind = func.json_type(images.c.meta, path)
    found = func.json_extract(images.c.meta, path)
    if isinstance(value, bool):
        return kind == ("true" if value else "false")
    if isinstance(value, str):
        return and_(kind == "text", found == value)
    return and_(kind.in_(("integer", "real")), _compare(test.comparison, found, literal(value)))


def _fits_postgresql(test: MetadataTest, value: MetadataValue) -> ColumnElement[bool]:
    found = func.jsonb_extract_path(images.c.meta, *test.path, type_=JSONB())
    wanted = literal(value, JSONB())
    if isinstance(value, bool | str):
        return found == wanted
    # Numbers are ordered among themselves; other types have places before and after them.
    return and_(func.jsonb_typeof(found) == "number", _compare(test.comparison, found, wanted))


def _compare(comparison: Comparison, found: ColumnElement[Any], wanted: ColumnElement[Any]) -> ColumnElement[bool]:
    if comparison is Comparison.IN:
        return found == wanted
    result: ColumnElement[bool] = _OPERATORS[comparison](found, wanted)
    return result
