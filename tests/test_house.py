"""The rules of the house that a machine can check: sizes, imports, words, locks, contracts, the schema."""

import ast
import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from app.settings import Settings
from tests.support.paths import ROOT
from tests.support.waiting import LIMIT_S

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40

Function = ast.FunctionDef | ast.AsyncFunctionDef

# What may stand inside a function, with the reason.
DEFERRED_IMPORTS: dict[str, str] = {}
# Where a test asserts that something took at least so long, which load cannot break.
LOWER_BOUNDS = {
    "tests/e2e/test_connections.py": "a head that does not arrive is waited for",
    "tests/e2e/test_on_demand.py": "a request is held as long as it asks for",
    "tests/faults/test_budget.py": "a budget refills with the time that has passed",
    "tests/faults/test_store.py": "a store that hangs is waited for",
    "tests/services/test_importing.py": "a slow source is waited for",
}
# Clients read `description=`; docstrings of types and fields never reach them.
DESCRIBED_ELSEWHERE = ("app/schema/", "app/resolvers/", "app/db/migrations/")

_MACHINE_PATH = re.compile(r"(?<![\w.:~/-])/(?:work|root|home|Users)/[\w.-]+/")
_OWN_HOST = re.compile(
    r"https?://[^\s/\"'`<>)]*(?:\.(?:internal|corp|lan|intra)\b|artifactory|nexus|pypi-mirror|npm-mirror)"
)
_LOOSE_TODO = re.compile(r"\b(?:TODO|FIXME|XXX)\b(?!\s*\(#\d+\))")


@cache
def tracked(suffix: str = "") -> tuple[Path, ...]:
    """The project's files: what git knows, or would know after `git add`."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    paths = (ROOT / name for name in listed.stdout.splitlines())
    return tuple(sorted({path for path in paths if path.is_file() and path.name.endswith(suffix)}))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(folder: str = "") -> dict[str, ast.Module]:
    found = (path for path in tracked(".py") if name_of(path).startswith(folder))
    return {name_of(path): ast.parse(path.read_text()) for path in found}


def functions_of(tree: ast.AST) -> Iterator[Function]:
    yield from (node for node in ast.walk(tree) if isinstance(node, Function))


def test_no_file_is_longer_than_300_lines() -> None:
    sources = [path for suffix in (".py", ".ts", ".tsx", ".mjs") for path in tracked(suffix)]

    lines = {name_of(path): len(path.read_text().splitlines()) for path in sources}

    assert {name: count for name, count in lines.items() if count > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_40_lines() -> None:
    lengths = {
        f"{name}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name, tree in parsed().items()
        for node in functions_of(tree)
        # Migrations are lists of columns, drafted by a program.
        if not name.startswith("app/db/migrations/versions/")
    }

    assert {where: lines for where, lines in lengths.items() if lines > MAX_FUNCTION_LINES} == {}


def test_nothing_is_imported_inside_a_function() -> None:
    deferred = {
        f"{name}:{inner.lineno}"
        for name, tree in parsed().items()
        if name not in DEFERRED_IMPORTS
        for function in functions_of(tree)
        for inner in ast.walk(function)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    }

    assert deferred == set()


def test_every_public_thing_says_what_it_is_for() -> None:
    mute = {
        where
        for name, tree in parsed("app/").items()
        if not name.endswith("__init__.py") and not name.startswith("app/db/migrations/versions/")
        for where in mute_parts(name, tree)
    }

    assert mute == set()


def mute_parts(name: str, tree: ast.Module) -> Iterator[str]:
    """A module, and its public classes, functions and methods, as far as they have no docstring."""
    if ast.get_docstring(tree) is None:
        yield name
    for node in tree.body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            if ast.get_docstring(node) is None:
                yield f"{name}:{node.lineno} {node.name}"
            if isinstance(node, ast.ClassDef) and not name.startswith(DESCRIBED_ELSEWHERE):
                yield from mute_methods(name, node)


def mute_methods(name: str, node: ast.ClassDef) -> Iterator[str]:
    for part in node.body:
        # Magic methods and __init__ are told by their class.
        if isinstance(part, Function) and not part.name.startswith("_") and ast.get_docstring(part) is None:
            yield f"{name}:{part.lineno} {node.name}.{part.name}"


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not (field.description or "").endswith(".")] == []


def test_every_import_contract_is_kept() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]

    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("what", [_MACHINE_PATH, _OWN_HOST, _LOOSE_TODO], ids=["path", "host", "todo"])
def test_nothing_of_one_machine_and_no_loose_end_is_in_the_tree(what: re.Pattern[str]) -> None:
    texts = {name_of(path): read_text(path) for path in tracked() if path != Path(__file__)}

    found = {
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if what.search(line)
    }

    assert found == set()


def read_text(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""  # a picture


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-programs.txt"])
def test_every_locked_package_of_python_has_hashes_and_no_host(name: str) -> None:
    text = (ROOT / name).read_text()

    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)
    pinned = [entry for entry in entries if re.match(r"[a-z0-9._-]+==", entry)]

    assert pinned
    assert [entry.split()[0] for entry in pinned if "--hash=sha256:" not in entry] == []
    assert re.findall(r"https?://\S+|^--(?:extra-)?index-url.*", text, flags=re.MULTILINE) == []


def test_every_locked_package_of_npm_has_a_hash_and_no_host() -> None:
    locks = {name_of(path): json.loads(path.read_text()) for path in tracked("package-lock.json")}

    assert "frontend/package-lock.json" in locks
    for name, lock in locks.items():
        packages = {key: package for key, package in lock["packages"].items() if key and not package.get("link")}
        assert [key for key, package in packages.items() if "integrity" not in package] == [], name
        assert [key for key, package in packages.items() if "resolved" in package] == [], name


def test_no_test_measures_time() -> None:
    measured = {
        f"{name}:{node.lineno}"
        for name, tree in parsed("tests/").items()
        if not name.startswith("tests/support/") and name not in LOWER_BOUNDS
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"monotonic", "perf_counter", "process_time"}
    }

    assert measured == set(), "wait with tests/support/waiting.py; figures belong to bench/"


def test_no_test_has_a_time_limit_of_its_own() -> None:
    limits = {
        f"{name}:{node.lineno}"
        for name, tree in parsed("tests/").items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and limit_of(node) < LIMIT_S
    }

    assert limits == set(), "use LIMIT_S of tests/support/waiting.py"


def limit_of(call: ast.Call) -> float:
    """Seconds after which this call of asyncio or subprocess gives up; infinite where none are written."""
    name = ast.unparse(call.func)
    given = [keyword.value for keyword in call.keywords if keyword.arg == "timeout"]
    if name in {"asyncio.timeout", "asyncio.wait_for"}:
        given += call.args[-1:]
    elif name != "subprocess.run":
        return math.inf
    written = [each.value for each in given if isinstance(each, ast.Constant)]
    return min((value for value in written if isinstance(value, int | float)), default=math.inf)
