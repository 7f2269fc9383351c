"""Set the private Redis' file aside when it is broken: Redis does not start on it, and the rows are the truth."""

import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from app.supervisor.child import STEADY_AFTER_S, Ending

_ENDS_BEFORE = 2
_KEPT_COPIES = 2
_BROKEN_FILE = re.compile(
    r"append only file|append log file|\bAOF\b|\bRDB\b|Short read or OOM loading DB|Wrong signature", re.IGNORECASE
)
# Faults of the machine: the file is whole, and Redis reads it when they are over.
_HOST_FAULT = re.compile(
    r"No space left|Disk quota|Permission denied|Read-only file system|Too many open files|Input/output error"
    r"|Cannot allocate|Stale file handle",
    re.IGNORECASE,
)


class BrokenQueueWatch:
    """Counts the ends in a row that name a broken file; the second one sets the folder aside."""

    def __init__(self, data_dir: Path, report: Callable[[str], None]) -> None:
        self._data_dir = data_dir
        self._report = report
        self._ends = 0

    def note_end(self, ending: Ending) -> None:
        """Take notice of one end of Redis, before it is started again."""
        self._ends = self._ends + 1 if _names_broken_file(ending) else 0
        if self._ends < _ENDS_BEFORE:
            return
        self._ends = 0
        try:
            aside = set_aside(self._data_dir)
        except OSError as error:
            self._report(f"The broken queue file of Redis cannot be set aside: {error}")
        else:
            self._report(f"The queue file of Redis is broken and was moved to {aside}; Redis starts with a new one.")


def set_aside(data_dir: Path) -> Path:
    """Move the folder of Redis to a name with the time, and remove all but the last two of such; gives the name."""
    aside = data_dir / f"redis.broken-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    (data_dir / "redis").rename(aside)
    for old in sorted(data_dir.glob("redis.broken*"))[:-_KEPT_COPIES]:
        shutil.rmtree(old, ignore_errors=True)
    return aside


def _names_broken_file(ending: Ending) -> bool:
    # A signal did not come from what Redis read. It marks its warnings with #.
    if ending.status is None or ending.status <= 0 or ending.ran_s > STEADY_AFTER_S:
        return False
    complaints = "\n".join(line for line in ending.output.splitlines() if " # " in line or "FATAL" in line)
    return _BROKEN_FILE.search(complaints) is not None and _HOST_FAULT.search(complaints) is None
