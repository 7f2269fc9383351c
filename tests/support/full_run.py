"""`python -m tests.support.full_run [pytest's options]`: every test, with branch coverage of all processes of `app/`.

The floor is `fail_under` in pyproject.toml. Gives pytest's exit status, or that of the report.
"""

import shutil
import subprocess
import sys

from tests.support.paths import ROOT

_COVERAGE = (sys.executable, "-m", "coverage")


def main(options: list[str]) -> int:
    """Run the tests, put the processes' data together, and report."""
    shutil.rmtree(ROOT / ".coverage", ignore_errors=True)
    (ROOT / ".coverage").mkdir()
    tests = _run("run", "-m", "pytest", "--tier", "all", *options)
    _run("combine", "--quiet")
    report = _run("report")
    return tests or report


def _run(*words: str) -> int:
    return subprocess.run([*_COVERAGE, *words], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
