"""File descriptors: as many as the system lets a server have, and a log line where they run out."""

import asyncio
import contextlib
import errno
import logging
import os
import resource

log = logging.getLogger(__name__)

MAX_DESCRIPTORS = 65_536
"""Enough for tens of thousands of sockets; some programs close every number up to the limit when they start."""
_LOOK_EVERY_S = 1.0
_LOG_EVERY_S = 60.0
_EXHAUSTED = {errno.EMFILE, errno.ENFILE}


def raise_descriptor_limit() -> None:
    """Let this process and its children open up to the smaller of the hard limit and `MAX_DESCRIPTORS`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # a limit of the system's own; the old one stays
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def report_exhaustion_until_cancelled() -> None:
    """Log once a minute that no descriptor is left: the event loop then closes new connections without a word."""
    loop = asyncio.get_running_loop()
    logged_at = -_LOG_EVERY_S
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        if not is_exhausted() or loop.time() - logged_at < _LOG_EVERY_S:
            continue
        logged_at = loop.time()
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        log.warning("descriptors_exhausted", extra={"limit": limit, "remedy": "raise `ulimit -n` (LimitNOFILE)"})


def is_exhausted() -> bool:
    """Can this process open no file now?"""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in _EXHAUSTED
    return False
