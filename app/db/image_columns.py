"""Images of which some columns are read: each costs a list of 50 some 15 µs, and there are more than forty."""

from collections import namedtuple
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Column

from app.db.records import ImageRecord
from app.db.tables import images

ColumnNames = frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class ImageColumns:
    """What is read of an image."""

    selected: tuple[Column[Any], ...]  # of all types that there are
    record_of: Callable[[Iterable[object]], ImageRecord]
    """Makes the record of a row; to look at a column that was not read is an AttributeError."""


ALL_COLUMNS = ImageColumns(tuple(images.c), ImageRecord._make)


# As many as there are kinds of questions at a time: the names come from documents, whoever wrote them.
@lru_cache(maxsize=256)
def columns_named(names: ColumnNames | None) -> ImageColumns:
    """These columns, and the id; None stands for all."""
    if names is None:
        return ALL_COLUMNS
    selected = tuple(column for column in images.c if column.name in names or column.primary_key)
    return ImageColumns(selected, _lean_record([column.name for column in selected])._make)


def _lean_record(names: list[str]) -> Any:  # an ImageRecord in all but what it lacks
    fields = namedtuple("LeanImageRecord", names)  # type: ignore[misc]  # the names are known only now
    derived = {name: kept for name, kept in vars(ImageRecord).items() if isinstance(kept, property)}
    return type("LeanImageRecord", (fields,), {"__slots__": (), **derived})
