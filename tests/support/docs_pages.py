"""The pages of the docs, and the parts of them that tests look at."""

import re
from pathlib import Path

from tests.support.paths import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def read(name: str) -> str:
    return (ROOT / name).read_text()


def between(text: str, mark: str) -> str:
    """What stands between `<!-- mark: … -->` and `<!-- /mark -->`."""
    found = re.search(rf"<!-- {mark}\b.*?-->\n(.*?)<!-- /{mark} -->", text, flags=re.DOTALL)
    assert found is not None, f"the marks of {mark} are gone"
    return found.group(1).strip()


def blocks(path: Path, language: str) -> list[str]:
    """The code of every block in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), flags=re.DOTALL | re.MULTILINE)


def id_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
