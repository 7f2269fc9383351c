"""Warn where clients reach the server by another host than the addresses that it gives out.

Behind a proxy without SAFELIGHT_BASE_URL every address would lead to the server's own port, without a visible fault.
"""

import logging
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from starlette.types import Scope

from app.rate_limit import Network, is_trusted
from app.routes.throttled_log import ThrottledWarning

log = logging.getLogger(__name__)

_PROBED_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
"""Load balancers and Prometheus ask these by addresses of their own."""
_REMEDY = "Set SAFELIGHT_BASE_URL to the address that clients use, and let the proxy pass Host or X-Forwarded-Host."
_DEFAULT_PORTS = {"http": 80, "https": 443}


class HostCheck:
    """Compares the host of each request with those of the public addresses."""

    def __init__(self, public_urls: Sequence[str], trusted_proxies: Sequence[Network]) -> None:
        self._public = [urlsplit(url) for url in public_urls]
        self._base_url = public_urls[0]
        self._trusted_proxies = trusted_proxies
        self._warning = ThrottledWarning(log, "request_host_differs")
        # Nearly all requests name the same few hosts.
        self._is_ours = lru_cache(maxsize=256)(self._compare)

    def check(self, scope: Scope) -> None:
        """Log WARNING `request_host_differs` where the client used another host."""
        if scope["path"] in _PROBED_PATHS:
            return
        host = self._find_host(scope)
        if host and not self._is_ours(host):
            self._warning.report(host, host=host[:200], base_url=self._base_url, remedy=_REMEDY)

    def _find_host(self, scope: Scope) -> str:
        peer = scope.get("client")
        if self._trusted_proxies and peer and is_trusted(peer[0], self._trusted_proxies):
            forwarded = _first_value(scope, b"x-forwarded-host") or _forwarded_host(scope)
            if forwarded:
                return forwarded
        return _first_value(scope, b"host")

    def _compare(self, host: str) -> bool:
        return any(_is_same(host, public) for public in self._public)


def _first_value(scope: Scope, name: bytes) -> str:
    # The first of several is what the client sent to the outermost proxy.
    values = (value.decode("latin-1") for key, value in scope["headers"] if key == name)
    return next(values, "").partition(",")[0].strip()


def _forwarded_host(scope: Scope) -> str:
    """The host in `Forwarded` (RFC 7239)."""
    for pair in _first_value(scope, b"forwarded").split(";"):
        name, _, value = pair.partition("=")
        if name.strip().lower() == "host":
            return value.strip().strip('"')
    return ""


def _is_same(host: str, public: SplitResult) -> bool:
    try:
        asked = urlsplit(f"//{host}")
        port, name = asked.port, asked.hostname or ""
    except ValueError:
        return False
    expected = (public.hostname or "").removesuffix(".")
    is_same_name = name.removesuffix(".") == expected or (_is_loopback(name) and _is_loopback(expected))
    # Proxies such as nginx with `$host` leave the port out.
    return is_same_name and port in (None, public.port or _DEFAULT_PORTS[public.scheme])


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
