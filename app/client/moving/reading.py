"""Parts of the old system's answers, each of the type that its document promises."""

import json
from collections.abc import Mapping, Sequence

from app.client.moving.codes import MovingCode
from app.client.problems import Problem

Json = Mapping[str, object]


def object_of(value: object) -> Json:
    """A JSON object.

    Raises:
        Problem: NOT_THIS_SYSTEM, as all of this module.
    """
    if not isinstance(value, dict):
        raise _unexpected()
    return value


def notes_of(value: object) -> Json:
    """An object of whatever somebody noted; null is none."""
    # Without halves of characters, however deep they lie.
    return object_of(json.loads(_clean(json.dumps(value or {}, ensure_ascii=False))))


def objects_of(value: object) -> Sequence[Json]:
    """An array of objects."""
    if not isinstance(value, list):
        raise _unexpected()
    return [object_of(item) for item in value]


def id_of(value: object) -> str:
    """What names something: a text, not empty, that may stand in an address."""
    if not isinstance(value, str) or not value or len(value) > 4_096:
        raise _unexpected()
    return _clean(value)


def text_of(value: object) -> str | None:
    """A text; None where there is none, or an empty one."""
    if value is not None and not isinstance(value, str):
        raise _unexpected()
    return _clean(value) if value else None


def texts_of(value: object) -> tuple[str, ...]:
    """An array of texts; null is none."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _unexpected()
    return tuple(map(_clean, value))


def flag_of(value: object) -> bool | None:
    """True, false, or not told."""
    if value is not None and not isinstance(value, bool):
        raise _unexpected()
    return value


def number_of(value: object) -> int | None:
    """A whole number from 1; None where there is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise _unexpected()
    return value


def _clean(text: str) -> str:
    # JSON can hold halves of characters, which nothing can be asked for and no file can hold.
    return text.encode(errors="replace").decode()


def _unexpected() -> Problem:
    message = "What answers is not this system's API, or not one of the documented shape. Are system and --from right?"
    return Problem(MovingCode.NOT_THIS_SYSTEM, message)
