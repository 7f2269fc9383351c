"""Cursors: a place in one order of one list, as text that clients keep and send back.

A cursor is no secret: whatever it says, a list holds the caller's own rows alone. It names its list and order, so that
one made for another is refused instead of leading to a place that nobody meant.
"""

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.domain.listing import ImageOrder, OrderField, OrderValue, Position
from app.domain.texts import check_text
from app.errors import InvalidRequest

MAX_CURSOR_CHARACTERS = 2_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENTS = {OrderField.CREATED_AT, OrderField.UPDATED_AT, OrderField.TAKEN_AT}
_MOST = 2**63 - 1


def name_of(order: ImageOrder) -> str:
    """What a cursor calls a list of images in this order."""
    return f"{order.field.value}:{order.direction.value}"


def write_cursor(name: str, position: Position) -> str:
    """A place in the list of this name."""
    value = position.value
    if isinstance(value, datetime):
        value = (value - _EPOCH) // timedelta(microseconds=1)
    text = json.dumps([name, value, position.row_id.hex], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str | None, field: str, order: ImageOrder, name: str) -> Position | None:
    """The place that a cursor of the list `name` names; None where there is no cursor.

    Raises:
        InvalidRequest: it is none, or of another list or order; `details.field` is `field`.
    """
    if text is None:
        return None
    try:
        return _parse_cursor(text, order, name)
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError, InvalidRequest) as error:
        message = f"{field} is no cursor of a list in this order."
        raise InvalidRequest(message, details={"field": field}) from error


def _parse_cursor(text: str, order: ImageOrder, name: str) -> Position:
    if len(text) > MAX_CURSOR_CHARACTERS:
        raise ValueError("too long")
    packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    named, value, hexadecimal = json.loads(packed)
    if named != name or len(hexadecimal) != 32:
        raise ValueError("of another list")
    return Position(_parse_value(order.field, value), UUID(hex=hexadecimal))


def _parse_value(field: OrderField, value: object) -> OrderValue:
    if field is OrderField.TAKEN_AT and value is None:
        return None
    if field is OrderField.FILENAME:
        if not isinstance(value, str) or check_text(value, field="cursor", max_characters=1_000) != value:
            raise ValueError("no name")
        return value
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _MOST:
        raise ValueError("no number")
    return _EPOCH + timedelta(microseconds=value) if field in _MOMENTS else value
