"""How PixelFlare tells errors: `{code, message, details}`, with our codes, of which its own are the first seven."""

from collections.abc import Mapping

from app.errors import SafelightError

# What the services call by a name that this face's clients do not know.
_FIELDS = {
    "albumSlug": "album",
    "expiresAt": "expires_at",
    "processing.derivatives": "variants",
}


def tell(error: SafelightError) -> tuple[int, Mapping[str, object]]:
    """The status and the body of an error."""
    details = dict(error.details)
    field = details.get("field")
    if isinstance(field, str):
        details["field"] = _FIELDS.get(field, field)
    return error.status, {"code": error.code.value, "message": error.message, "details": details}
