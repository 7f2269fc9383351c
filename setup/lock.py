"""`python3 setup/lock.py [check]`: write the lock files with uv, or check them against pyproject.toml offline."""

import re
import shutil
import sys
import tempfile
import tomllib
from typing import Any

from steps import ROOT, StepFailed, complain, run

_LOCKS = {
    "requirements.txt": ("dependencies",),
    "requirements-dev.txt": ("dependencies", "dev"),
    "requirements-programs.txt": ("programs",),
    "requirements-audit.txt": ("audit",),
}
_PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==", re.MULTILINE)


def write() -> None:
    """Resolve anew; packages keep their versions unless pyproject.toml forbids it (`uv pip compile -U` for all)."""
    uv = shutil.which("uv")
    if uv is None:
        raise StepFailed("`make lock` needs uv: https://docs.astral.sh/uv/")
    common = [uv, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"]
    # Files and hashes stand in the lock, and never the address of the index that one machine happens to use.
    common += ["--no-header", "--no-emit-index-url", "--no-emit-find-links"]
    run([*common, "--output-file", "requirements.txt", "pyproject.toml"], "See above.")
    common += ["--constraints", "requirements.txt"]
    run([*common, "--extra", "dev", "--output-file", "requirements-dev.txt", "pyproject.toml"], "See above.")
    _write_audit(common)
    # Only the programs in these packages are used, so what they need as Python libraries is left out.
    with tempfile.NamedTemporaryFile("w", suffix=".in") as source:
        source.write("\n".join(_read_project()["optional-dependencies"]["programs"]))
        source.flush()
        options = ["--no-deps", "--no-annotate", "--output-file", "requirements-programs.txt"]
        run([*common, *options, source.name], "See above.")


def _write_audit(common: list[str]) -> None:
    # Without the constraints of the others: it is installed apart from them.
    options = common[: common.index("--constraints")]
    with tempfile.NamedTemporaryFile("w", suffix=".in") as source:
        source.write("\n".join(_read_project()["optional-dependencies"]["audit"]))
        source.flush()
        run([*options, "--no-annotate", "--output-file", "requirements-audit.txt", source.name], "See above.")


def check() -> list[str]:
    """What is wrong with the lock files; empty where nothing is."""
    project = _read_project()
    wanted = {"dependencies": project["dependencies"], **project["optional-dependencies"]}
    problems = []
    for name, groups in _LOCKS.items():
        text = (ROOT / name).read_text()
        pinned = set(_PINNED.findall(text))
        needed = {re.split(r"[\[<>=!~; ]", line)[0].lower() for group in groups for line in wanted[group]}
        problems += [f"{name} lacks {missing}: run `make lock`" for missing in sorted(needed - pinned)]
        problems += [f"{name} names a host" for _ in re.findall(r"https?://", text)[:1]]
    packages = (ROOT / "frontend" / "package-lock.json").read_text()
    problems += ["frontend/package-lock.json names a host (see frontend/.npmrc)"] if '"resolved"' in packages else []
    return problems


def _read_project() -> dict[str, Any]:  # Any: the file as it is, checked by whoever reads a part of it
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"])


if __name__ == "__main__":
    try:
        if sys.argv[1:] != ["check"]:
            write()
        found = check()
    except StepFailed as error:
        found = [str(error)]
    for problem in found:
        complain(problem)
    sys.exit(1 if found else 0)
