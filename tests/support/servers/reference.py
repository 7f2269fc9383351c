"""The documents of the systems whose faces we have, which are no part of this repository."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.paths import SHARED


@dataclass(frozen=True)
class Document:
    """One system's own document, as text."""

    text: str

    def between(self, first: str, beyond: str, *, after: str = "") -> str:
        """From `first` up to `beyond`, the first time that they stand behind `after`."""
        begin = self.text.index(first, self.text.index(after))
        return self.text[begin : self.text.index(beyond, begin)].strip()


@dataclass(frozen=True)
class Reference:
    """Where the documents lie."""

    directory: Path

    def read(self, name: str) -> Document:
        """The document of this name."""
        return Document((self.directory / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def reference() -> Reference:
    """The directory of SAFELIGHT_REFERENCE, else `../shared/reference` beside the repository."""
    beside = SHARED / "reference"
    directory = Path(os.environ.get("SAFELIGHT_REFERENCE") or beside)
    if not directory.is_dir():
        pytest.skip("no documents: set SAFELIGHT_REFERENCE, or put them into ../shared/reference")
    return Reference(directory.resolve())
