"""Find TCP ports that nobody listens on."""

import random
import socket

import pytest

# Below Linux's range for outgoing connections (32768 and up), so that no client's socket takes the port in between,
# and low enough that SeaweedFS's second port (+10000) stays below it too.
_FIRST, _LAST = 11000, 22000
_TRIES = 200


def find_free_port(*, companion_offset: int = 0) -> int:
    """A port of 127.0.0.1 that is free now, and so is the one `companion_offset` above it.

    The number is random: test runs beside this one look for ports too.
    """
    for _ in range(_TRIES):
        port = random.randint(_FIRST, _LAST)
        if _is_free(port) and _is_free(port + companion_offset):
            return port
    raise RuntimeError(f"no free port between {_FIRST} and {_LAST} after {_TRIES} tries")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do it: connections of an earlier listener that linger in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@pytest.fixture
def free_port() -> int:
    """One free port; call `tests.support.servers.ports.find_free_port` where more are needed."""
    return find_free_port()
