"""Real photographs and hostile files, which are no part of this repository."""

import os
from pathlib import Path

import pytest

from tests.support.paths import SHARED


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The directory with `photos/` and `hostile/`: SAFELIGHT_CORPUS, else `../shared/corpora` beside the repository."""
    beside = SHARED / "corpora"
    directory = Path(os.environ.get("SAFELIGHT_CORPUS") or beside)
    if not directory.is_dir():
        pytest.skip("no corpora: set SAFELIGHT_CORPUS, or put them into ../shared/corpora")
    return directory.resolve()
