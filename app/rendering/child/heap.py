"""How a child gets its memory: large pictures from one heap of huge pages.

By glibc's defaults each picture is mapped on its own and faulted in page by page, which costs as much as a crop of it.
"""

from app.rendering.child.syscalls import libc

# <malloc.h>
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3

_MIB = 1024 * 1024
# The largest that glibc takes (DEFAULT_MMAP_THRESHOLD_MAX): what is larger is mapped, and given back at once.
_MAPPED_FROM_BYTES = 32 * _MIB
_GROWS_BY_BYTES = 4 * _MIB
_GIVEN_BACK_FROM_BYTES = 16 * _MIB


def prefer_heap() -> None:
    """For a child that will soon end: take pictures of up to 32 MiB from the heap.

    The zygote must not, or what it keeps free would be copied by every child. Without glibc nothing happens.
    """
    set_option = getattr(libc, "mallopt", None)
    if set_option is not None:
        set_option(_M_MMAP_THRESHOLD, _MAPPED_FROM_BYTES)
        set_option(_M_TRIM_THRESHOLD, _GIVEN_BACK_FROM_BYTES)
        set_option(_M_TOP_PAD, _GROWS_BY_BYTES)
