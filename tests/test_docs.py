"""The docs are true: links lead somewhere, commands exist, examples fit, and what can be run, runs."""

import functools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

import app
from app.cli import main as command_line
from app.graphql_api.schema import write_sdl
from tests.support.docs_pages import PAGES, blocks, id_of, read
from tests.support.paths import ROOT
from tests.support.pictures import make_jpeg
from tests.support.servers.programs import refuse
from tests.support.site import Site
from tests.support.waiting import LIMIT_S

PICTURES = sorted((ROOT / "docs" / "pictures").glob("*.svg"))


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())

    lost = [link for link in links if not link.startswith(("http://", "https://")) and not leads_somewhere(page, link)]

    assert lost == []


def leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    return target.exists() and (not anchor or anchor in anchors_of(target))


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_every_page_can_be_found_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        seen.add(page)
        links = re.findall(r"\]\(([^)\s#:]+)", page.read_text())
        pages = {(page.parent / link).resolve() for link in links if link.endswith(".md")}
        waiting += [target for target in pages if target.exists() and target not in seen]

    assert [id_of(page) for page in PAGES if page not in seen] == []


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_graphql_example_fits_the_schema(page: Path) -> None:
    for example in blocks(page, "graphql"):
        assert validate(_schema(), parse(example)) == []


@functools.cache
def _schema() -> GraphQLSchema:
    return build_schema(write_sdl())


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_command_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), flags=re.MULTILINE))
    assert isinstance(command_line, click.Group)
    said = "\n".join([*re.findall(r"`([^`\n]+)`", page.read_text()), *blocks(page, "bash"), *blocks(page, "sh")])

    wanted = set(re.findall(r"^make ([a-z-]+)", said, flags=re.MULTILINE))
    used = set(re.findall(r"^safelight ([a-z][a-z-]*)", said, flags=re.MULTILINE))

    assert wanted - targets == set()
    assert used - set(command_line.list_commands(click.Context(command_line))) == set()


def test_every_page_that_code_speaks_of_exists() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "app").rglob("*.py"))

    assert {name for name in re.findall(r"[\w/-]+\.md\b", sources) if not (ROOT / name).is_file()} == set()


def test_architecture_names_every_part_of_the_application() -> None:
    tree = blocks(ROOT / "docs" / "architecture.md", "text")[0]
    folder = Path(app.__file__).parent
    parts = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}

    unnamed = {part for part in parts if not part.startswith("__") and not re.search(rf"\b{part}\b", tree)}

    assert unnamed == set()


def test_architecture_draws_the_layers_of_the_contract() -> None:
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["type"] == "layers")

    drawn = [" ".join(block.split()) for block in blocks(ROOT / "docs" / "architecture.md", "text")]

    assert " → ".join(layers) in drawn


@pytest.mark.parametrize("picture", PICTURES, ids=id_of)
def test_pictures_are_described_and_readable_in_the_dark(picture: Path) -> None:
    text = picture.read_text()

    root = ElementTree.fromstring(text)

    names = {element.tag.rpartition("}")[2] for element in root}
    assert {"title", "desc", "style"} <= names
    assert "prefers-color-scheme: dark" in text
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)|<script|<image", text) == []


def test_the_tour_of_the_readme_runs_as_it_stands(tmp_path: Path, site: Site) -> None:
    if shutil.which("curl") is None:
        refuse("the tour needs curl")
    # As where `make run` was called; the launcher there runs what PYTHONPATH names.
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "beach.jpg").write_bytes(make_jpeg(900, 600))
    tour = "\n".join(["set -eu", *blocks(ROOT / "README.md", "sh")])

    own = {"SAFELIGHT_URL": site.base_url, "SAFELIGHT_KEY": site.key, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(
        # The strictest of those that are called sh.
        [shutil.which("dash") or "sh", "-c", tour],
        cwd=tmp_path,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr
    # The command that ends the tour finds the picture there, sent by its first lines.
    assert f"beach.jpg\twebp:medium\tREADY\t{site.base_url}/f/" in answer.stdout
    assert "1 image, 1 there before in " in answer.stderr
    assert re.search(r"^201$", answer.stdout, flags=re.MULTILINE)
    assert '"progress":{"ready":7,"total":7}' in answer.stdout
    assert "event: complete" in answer.stdout
    assert "HTTP/1.1 200 OK" in answer.stdout
    assert "content-type: image/webp" in answer.stdout
