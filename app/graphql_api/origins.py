"""Which pages of the web may speak to this endpoint from a visitor's browser."""

from collections.abc import Collection

from starlette.requests import HTTPConnection
from strawberry.http.websocket_origin import is_same_origin, normalize_origin

# A page of another origin cannot add these without asking first (CORS preflight).
PREFLIGHT_HEADERS = ("x-requested-with", "apollo-require-preflight")


def is_origin_allowed(connection: HTTPConnection, allowed: Collection[str]) -> bool:
    """Tell whether the page that opened this connection may: none (no browser), our own, or a listed one."""
    origin = connection.headers.get("origin")
    if origin is None or is_same_origin(origin, connection.headers.get("host")):
        return True
    return "*" in allowed or normalize_origin(origin) in allowed


def may_get(connection: HTTPConnection, allowed: Collection[str]) -> bool:
    """Tell whether a query by GET is no forgery: not from a foreign page, or one that could set a header.

    Nothing changes by GET and no cookie authenticates; this keeps foreign pages from making a visitor's browser
    work for them.
    """
    headers = connection.headers
    if any(name in headers for name in PREFLIGHT_HEADERS):
        return True
    # What browsers add by themselves and no page can forge; absent from programs and from plain-HTTP origins.
    if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return is_origin_allowed(connection, allowed) and "origin" in headers
    return is_origin_allowed(connection, allowed)
