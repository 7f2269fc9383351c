"""WebSocket handshakes that cannot succeed: of a foreign origin, or through a proxy that drops `Upgrade`."""

import logging
from collections.abc import Collection

from starlette.requests import HTTPConnection, Request

from app.errors import Forbidden, InvalidRequest
from app.routes.throttled_log import ThrottledWarning

log = logging.getLogger(__name__)

_MAX_NAME = 200
_refused_origins = ThrottledWarning(log, "websocket_origin_refused")
_dropped_upgrades = ThrottledWarning(log, "websocket_upgrade_missing")


class UpgradeRequired(InvalidRequest):
    """A proxy has removed the headers that make a request a WebSocket handshake."""

    status = 426


def check_upgrade(request: Request) -> None:
    """Tell a handshake without `Upgrade` from a query by GET.

    Raises:
        UpgradeRequired: only WebSocket clients send `Sec-WebSocket-Key`.
    """
    if request.method != "GET" or "sec-websocket-key" not in request.headers:
        return
    host = request.headers.get("host", "")[:_MAX_NAME]
    message = (
        "This WebSocket handshake arrived without `Connection: Upgrade` and `Upgrade: websocket`: a proxy in front of "
        "the server does not pass them. Let it pass both headers at /graphql, by HTTP/1.1."
    )
    _dropped_upgrades.report(host, host=host, remedy=message)
    raise UpgradeRequired(message)


def report_refused_origin(connection: HTTPConnection, allowed: Collection[str]) -> Forbidden:
    """Log the refusal of a page's socket and return its error; both name the page's origin and the request's host."""
    origin = connection.headers.get("origin", "")[:_MAX_NAME]
    host = connection.headers.get("host", "")[:_MAX_NAME]
    remedy = (
        "Set SAFELIGHT_BASE_URL to the address of this server's pages, "
        "or name the origin of another site in SAFELIGHT_ALLOWED_ORIGINS."
    )
    _refused_origins.report(f"{origin} {host}", origin=origin, host=host, allowed=sorted(allowed)[:10], remedy=remedy)
    return Forbidden(f"Pages of {origin} may not open WebSockets of {host}. {remedy}")
