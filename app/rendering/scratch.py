"""Directories that live as long as one job, made and removed by the parent; what killed parents left is swept."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from app.domain.cleaning.png import rebuild_png
from app.domain.formats import ImageFormat
from app.domain.headers.facts import HeaderFacts
from app.domain.variants import MetadataPolicy
from app.rendering.exif import make_output_exif
from app.rendering.protocol import RenderSpec
from app.rendering.wire import IN_DIR, OUT_DIR, SOURCE_NAME, exif_name

_PREFIX = "cage-"
_LOCK_NAME = "lock"
_MAX_UNLOCKED_AGE_S = 60


class Scratch:
    """One process' corner of the scratch directory, marked as in use by a lock that dies with the process."""

    def __init__(self, scratch_dir: Path) -> None:
        scratch_dir.mkdir(parents=True, exist_ok=True)
        sweep(scratch_dir)
        self._scratch_dir = scratch_dir
        self._root, self._lock = _make_root(scratch_dir)

    def make_job_dir(self) -> Path:
        """An empty directory for one job; the root is created again where it has been removed.

        Raises:
            OSError: the disk is full or read-only.
        """
        try:
            return Path(tempfile.mkdtemp(prefix="job-", dir=self._root))
        except FileNotFoundError:
            self._lock.close()
            self._root, self._lock = _make_root(self._scratch_dir)
            return Path(tempfile.mkdtemp(prefix="job-", dir=self._root))

    @staticmethod
    def fill(job_dir: Path, source: Path, facts: HeaderFacts, specs: Sequence[RenderSpec], *, may_link: bool) -> None:
        """Put in `in/source`, the EXIF blocks that the specs ask for, and an empty `out`.

        The source is linked where that is possible and `may_link` allows it: a caged child can read it, and no more.

        Raises:
            OSError: the source is not there, or the disk is full.
            InvalidImage: a PNG that cannot be rebuilt.
        """
        (job_dir / IN_DIR).mkdir()
        (job_dir / OUT_DIR).mkdir()
        _place_source(source, facts, job_dir / IN_DIR / SOURCE_NAME, may_link=may_link)
        for policy in {spec.metadata for spec in specs} - {MetadataPolicy.NONE}:
            with source.open("rb") as file:
                block = make_output_exif(file, facts.format, policy)
            (job_dir / IN_DIR / exif_name(policy)).write_bytes(block)

    def close(self) -> None:
        """Remove everything."""
        remove_tree(self._root)
        self._lock.close()


def _make_root(scratch_dir: Path) -> tuple[Path, IO[bytes]]:
    scratch_dir.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=scratch_dir.resolve()))
    lock: IO[bytes] = (root / _LOCK_NAME).open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return root, lock


def _place_source(source: Path, facts: HeaderFacts, target: Path, *, may_link: bool) -> None:
    if facts.format is ImageFormat.PNG:
        # Text bombs and other frames end here: only chunks that the decoder needs are written.
        with source.open("rb") as original, target.open("wb") as rebuilt:
            rebuild_png(original, rebuilt)
        return
    if may_link:
        with contextlib.suppress(OSError):  # another file system, or one without links
            os.link(source, target, follow_symlinks=True)
            return
    shutil.copyfile(source, target)


def remove_tree(directory: Path) -> None:
    """Remove a directory and all in it; what is gone already is no error."""
    shutil.rmtree(directory, ignore_errors=True)


def sweep(scratch_dir: Path) -> None:
    """Remove what processes that were killed have left: their locks are free."""
    for left in scratch_dir.glob(f"{_PREFIX}*"):
        try:
            with (left / _LOCK_NAME).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(left)
        except FileNotFoundError:
            # Made a moment ago by another process, which has not locked it yet; or empty for good, and harmless.
            with contextlib.suppress(OSError):
                if left.stat().st_mtime < time.time() - _MAX_UNLOCKED_AGE_S:
                    remove_tree(left)
        except OSError:
            continue  # in use
