"""`python -m tests.support.full_run [pytest's options]`: every test, with branch coverage of all processes of `app/`.

The floor is `fail_under` in pyproject.toml. Gives pytest's exit status, or that of the report.
"""

import shutil
import subprocess
import sys

from tests.support.paths import ROOT
from tests.support.sandbox_coverage import collect, hooked

_COVERAGE = (sys.executable, "-m", "coverage")
_DATA = ROOT / ".coverage"


def main(options: list[str]) -> int:
    """Run the tests, put the processes' data together, and report."""
    shutil.rmtree(_DATA, ignore_errors=True)
    with hooked(_DATA / "sandboxes"):
        tests = _run("run", "-m", "pytest", "--tier", "all", *options)
    collect(_DATA / "sandboxes", _DATA / "data.sandboxes")
    _run("combine", "--quiet")
    report = _run("report")
    return tests or report


def _run(*words: str) -> int:
    return subprocess.run([*_COVERAGE, *words], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
