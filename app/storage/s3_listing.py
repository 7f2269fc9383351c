"""What an S3 store says of its objects."""

import itertools
from collections.abc import Iterator

from minio.datatypes import Object

from app.storage.port import ObjectKey, ObjectStat
from app.storage.s3_client import translated

LIST_BATCH = 1000


def take(found: Iterator[Object]) -> list[Object]:
    """The next objects of a listing, as many as one request gives."""
    with translated():
        return list(itertools.islice(found, LIST_BATCH))


def find_stat(found: Object) -> ObjectStat | None:
    """What a listing says of an object; None of one that is no image's."""
    try:
        key = ObjectKey.parse(found.object_name or "")
    except ValueError:
        return None
    return make_stat(key, found)


def make_stat(key: ObjectKey, found: Object) -> ObjectStat:
    """What the store says of an object."""
    assert found.size is not None  # every answer has both
    assert found.last_modified is not None
    return ObjectStat(key, found.size, found.last_modified)
