"""httpx as tests use it: patient, and without the certificates that it loads for each client otherwise."""

import ssl
from collections.abc import Mapping

import httpx

from tests.support.waiting import LIMIT_S

# Loading the machine's certificates takes longer than most requests, and every server of the tests speaks plain HTTP.
_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def open_http(
    base_url: str = "", *, headers: Mapping[str, str] | None = None, timeout_s: float = LIMIT_S
) -> httpx.AsyncClient:
    """A client for servers on loopback; redirects are not followed."""
    return httpx.AsyncClient(base_url=base_url, headers=headers, timeout=timeout_s, verify=_NO_CERTIFICATES)
