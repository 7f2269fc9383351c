"""A folder for the files of one job, below this process's scratch folder."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory


@contextlib.contextmanager
def job_folder(scratch_dir: Path, prefix: str) -> Iterator[Path]:
    """Make the folder, and the scratch folder where it has been removed; remove it at the end.

    Raises:
        OSError: the disk is full or read-only.
    """
    scratch_dir.mkdir(parents=True, exist_ok=True)
    # What cannot be removed now, the sweep removes when this process has ended.
    with TemporaryDirectory(prefix=prefix, dir=scratch_dir, ignore_cleanup_errors=True) as folder:
        yield Path(folder)
