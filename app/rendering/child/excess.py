"""What the zygote watches while a child works: threads and written bytes, for which the kernel has no limit of its own.

RLIMIT_NPROC counts all processes of the user, on the whole machine, and does not hold root; RLIMIT_FSIZE counts each
file alone. So the zygote looks several times a second, and ends a child that has too much.
"""

import contextlib
import os
import time
from dataclasses import dataclass, field

from app.rendering.wire import OUT_DIR, JobOrder

_LOOK_EVERY_S = 0.1
_SPARE_FILES = 8
"""Files beyond those that were ordered: encoders may use a temporary one."""
_BLOCK_BYTES = 512


@dataclass(slots=True)
class Watch:
    """The limits of one child; `excess` names the one that it exceeded."""

    pid: int
    order: JobOrder
    excess: str | None = None
    _look_at: float = field(default_factory=lambda: time.monotonic() + _LOOK_EVERY_S)

    @property
    def pause_s(self) -> float:
        """Seconds until the next look."""
        return max(0.0, self._look_at - time.monotonic())

    def has_excess(self) -> bool:
        """Look, where it is time to, and say whether the child must be ended."""
        if time.monotonic() < self._look_at:
            return False
        self._look_at = time.monotonic() + _LOOK_EVERY_S
        if _count_threads(self.pid) > self.order.threads:
            self.excess = "threads"
        elif self._has_too_much_written():
            self.excess = "bytes"
        return self.excess is not None

    def _has_too_much_written(self) -> bool:
        files, written_bytes = 0, 0
        with contextlib.suppress(OSError), os.scandir(self.order.job_dir / OUT_DIR) as entries:
            for entry in entries:
                files += 1
                if files > len(self.order.specs) + _SPARE_FILES:
                    return True
                # Blocks, because a file may have holes, which take no room.
                with contextlib.suppress(FileNotFoundError):
                    written_bytes += entry.stat(follow_symlinks=False).st_blocks * _BLOCK_BYTES
        return written_bytes > self.order.total_bytes


def _count_threads(pid: int) -> int:
    # A directory has a link from each directory in it, its own two besides; 0 where there is no /proc.
    with contextlib.suppress(OSError):
        return os.stat(f"/proc/{pid}/task").st_nlink - 2  # noqa: PTH116 - plain procfs
    return 0
