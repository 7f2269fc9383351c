"""Connect to public addresses only: the address that was judged is the one that is connected to."""

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

from app.errors import FetchFailed, UrlNotAllowed

_NO_PUBLIC_HOST = "The URL leads to no host of the public internet."
_MAX_ADDRESSES = 4
"""How many of a name's addresses are tried."""


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """httpcore's way to the network, below TLS and HTTP. It resolves a name once, judges all that it stands for, and
    hands on the address itself, so that a name server has no second answer to give.
    """

    def __init__(self, is_allowed: Callable[[str], bool]) -> None:
        self._is_allowed = is_allowed
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore's own signature)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,  # Any: httpcore has three forms of them
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address of the host that answers.

        Raises:
            UrlNotAllowed: one of its addresses, or all of them, are not of the public internet; or there is no host.
            FetchFailed: the name servers do not answer.
            httpcore.ConnectError, httpcore.ConnectTimeout: no address answers.
        """
        addresses = await _resolve(host, port)
        # All of them: a name that stands for an inner host as well is up to no good.
        if not addresses or not all(map(self._is_allowed, addresses)):
            raise UrlNotAllowed(_NO_PUBLIC_HOST, details={"field": "url"})
        refusal: Exception = httpcore.ConnectError()
        for address in addresses[:_MAX_ADDRESSES]:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                refusal = error
        raise refusal

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore's own signature)
        socket_options: Iterable[Any] | None = None,  # Any: as above
    ) -> httpcore.AsyncNetworkStream:
        """Never: there is nothing public behind a socket of this machine."""
        raise UrlNotAllowed(_NO_PUBLIC_HOST, details={"field": "url"})

    async def sleep(self, seconds: float) -> None:
        """Wait; httpcore asks this of its network."""
        await asyncio.sleep(seconds)


async def _resolve(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise FetchFailed("The name of the URL's host could not be looked up.") from error
        # As if it were an inner host: whether an inner name exists is nobody's business.
        return []
    except (OSError, UnicodeError, ValueError):
        return []
    return list(dict.fromkeys(str(address[0]) for _family, _kind, _protocol, _name, address in found))
