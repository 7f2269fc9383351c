"""The pages for browsers: npm's packages by their lock, bundled into app/static."""

import os
from collections.abc import Callable

from programs import Node
from steps import ROOT, digest, is_done, mark_done, run, step

_FOLDER = ROOT / "frontend"
_PAGE = ROOT / "app" / "static" / "graphiql" / "index.html"
_NETWORK_ADVICE = "Is the network there? Run the same command again; it goes on from here."


def build(find_node: Callable[[], Node], *, is_for_tests: bool) -> None:
    """Build the pages where a source of theirs has changed; for tests also install the type checker."""
    sources = [path for path in (_FOLDER / "src").rglob("*") if path.is_file()]
    settings = [path for path in _FOLDER.iterdir() if path.is_file()]
    state = digest([*sources, *settings])
    if is_done("pages", state) and _PAGE.is_file() and not is_for_tests:
        return
    _install_packages(find_node, is_for_tests=is_for_tests)
    if is_done("pages", state) and _PAGE.is_file():
        return
    with step("Building the pages (esbuild)"):
        run([find_node().binary, "build.mjs"], "See above.", cwd=_FOLDER)
    mark_done("pages", state)


def _install_packages(find_node: Callable[[], Node], *, is_for_tests: bool) -> None:
    locks = [_FOLDER / "package.json", _FOLDER / "package-lock.json"]
    full, lean = digest(locks, "full"), digest(locks, "lean")
    if is_done("npm", full) or (is_done("npm", lean) and not is_for_tests):
        return
    node = find_node()
    with step("Installing the pages' packages (npm ci)"):
        # No package's own script is run: esbuild works without its.
        options = ["--ignore-scripts", "--no-audit", "--no-fund", *([] if is_for_tests else ["--omit=dev"])]
        path = f"{node.binary.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        run([*node.npm, "ci", *options], _NETWORK_ADVICE, cwd=_FOLDER, extra={"PATH": path})
    mark_done("npm", full if is_for_tests else lean)
