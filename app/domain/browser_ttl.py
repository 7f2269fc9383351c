"""How long browsers, and caches on the way, may keep a picture before they ask again."""

from app.errors import InvalidRequest

MAX_BROWSER_TTL_S = 31_536_000
"""A year, as caches take it for ever."""


def check_browser_ttl(ttl_s: int | None) -> int | None:
    """A time in seconds, None where another rule's holds.

    Raises:
        InvalidRequest: it is below 0 or above a year.
    """
    if ttl_s is not None and not 0 <= ttl_s <= MAX_BROWSER_TTL_S:
        message = f"browserTtl must be between 0 and {MAX_BROWSER_TTL_S} seconds."
        raise InvalidRequest(message, details={"field": "browserTtl"})
    return ttl_s
