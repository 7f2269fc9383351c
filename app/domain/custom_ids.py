"""What an owner's own id of an image may be: whatever an address can name."""

import unicodedata

from app.domain.texts import MAX_CUSTOM_ID_CHARACTERS, check_text
from app.errors import InvalidRequest
from app.ids import parse_uuid


def check_custom_id(text: str | None, *, field: str = "customId") -> str | None:
    """The id in NFC, or None where there is none. It may have slashes, like a path.

    Raises:
        InvalidRequest: it is too long or empty, looks like an image's own id, begins or ends with a slash, or holds
            what no path can.
    """
    checked = check_text(text, field=field, max_characters=MAX_CUSTOM_ID_CHARACTERS, may_be_empty=False)
    if checked is None:
        return None
    if parse_uuid(checked) is not None:
        # Addresses take it for that of an image, and would never find this one.
        raise InvalidRequest(f"{field} must not be a UUID.", details={"field": field})
    if checked.startswith("/") or checked.endswith("/"):
        raise InvalidRequest(f"{field} must not begin or end with a slash.", details={"field": field})
    has_controls = any(unicodedata.category(character) == "Cc" for character in checked)
    if has_controls or checked in {".", ".."}:
        raise InvalidRequest(f"{field} holds what no address can.", details={"field": field})
    return checked
