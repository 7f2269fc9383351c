"""How much memory this worker has: the machine's, or less where its container is limited."""

import contextlib
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
# Version 2, then version 1, each as a container sees its own group.
_LIMITS = (_CGROUP / "memory.max", _CGROUP / "memory" / "memory.limit_in_bytes")


def read_memory_bytes() -> int:
    """Bytes of memory that this process and its children may use together."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _LIMITS:
        # "max" where there is no limit, and no file outside of containers.
        with contextlib.suppress(OSError, ValueError):
            found.append(int(path.read_text()))
    return min(found)
