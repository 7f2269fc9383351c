"""Branch coverage of the sandboxed children of `app/rendering`: set up before the tests, collected after them."""

import os
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coverage import CoverageData

_IN_CHILDREN = Path(__file__).parent / "in_children" / "sandbox_coverage.py"
_FOLDER_VARIABLE = "SANDBOX_COVERAGE_DIR"
# Read by Python's `site` even in isolated mode, after the line that puts the checkout on the path.
_HOOK = Path(sysconfig.get_path("purelib")) / "zz_sandbox_coverage.pth"
_HOOK_LINE = (
    f"import os, runpy; {_FOLDER_VARIABLE!r} in os.environ and runpy.run_path({str(_IN_CHILDREN)!r})['install']()\n"
)


@contextmanager
def hooked(folder: Path) -> Iterator[None]:
    """Measure the children of all zygotes that start meanwhile; their data go into this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[_FOLDER_VARIABLE] = str(folder)
    _HOOK.write_text(_HOOK_LINE)
    try:
        yield
    finally:
        _HOOK.unlink()
        del os.environ[_FOLDER_VARIABLE]


def collect(folder: Path, target: Path) -> int:
    """Put the children's files together as one data file of coverage; gives their number."""
    total, count = CoverageData(basename=str(target)), 0
    for path in folder.iterdir():
        if content := path.read_bytes():
            one = CoverageData(no_disk=True)
            one.loads(content)
            total.update(one)
            count += 1
    total.write()
    return count
