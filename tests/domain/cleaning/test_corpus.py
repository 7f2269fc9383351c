"""Every file of the hostile corpus, where there is one: what `probe` says of it, and what is left of it when clean."""

import io
import os
from pathlib import Path

import pytest

from app.domain.cleaning.clean import clean
from app.domain.formats import ImageFormat
from app.domain.headers.facts import Budget, HeaderFacts
from app.domain.headers.probe import probe
from app.domain.variants import MetadataPolicy
from app.errors import ImageTooLarge, InvalidFileType, SafelightError
from tests.support.paths import SHARED

CORPUS = Path(os.environ.get("SAFELIGHT_CORPUS", SHARED / "corpora"))
MANIFEST = CORPUS / "hostile" / "MANIFEST.tsv"
TAKEN = {"ACCEPT", "ACCEPT_SANITISE", "ACCEPT_IF_HEIC_ALLOWED"}
SANITISED = {"ACCEPT_SANITISE", "SANITISE_OR_REJECT"}
CANARIES = (
    *(b"CANARY", b"<?php", b"<?=", b"<script", b"PK\x03\x04", b"GPS", b"http://ns.adobe.com/xap", b"xmpmeta"),
    *(b"Photoshop 3.0", b"8BIM", b"http://ns.adobe.com/xmp"),
)


def list_folders() -> dict[str, list[tuple[str, str]]]:
    """The files of each folder, with what the manifest expects of them."""
    folders: dict[str, list[tuple[str, str]]] = {}
    lines = MANIFEST.read_text().splitlines() if MANIFEST.exists() else []
    for row in (line.split("\t") for line in lines if line.startswith("hostile/")):
        if row[3].isupper():
            folders.setdefault(row[0].rpartition("/")[0], []).append((row[0], row[3]))
    return folders


FOLDERS = list_folders()
pytestmark = pytest.mark.skipif(not FOLDERS, reason=f"no corpus at {CORPUS}; set SAFELIGHT_CORPUS")


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_files_of_a_folder_are_judged_as_expected(folder: str) -> None:
    files = [(path, expected) for path, expected in FOLDERS[folder] if (CORPUS / path).is_file()]

    surprises = {path: error for path, expected in files if (error := judge((CORPUS / path).read_bytes(), expected))}

    assert surprises == {}


def judge(content: bytes, expected: str) -> str:
    """What is not as it should be with a file; empty where all is."""
    try:
        check(content, expected)
    except AssertionError as error:
        return str(error) or "another end"
    return ""


def check(content: bytes, expected: str) -> None:
    outcome = probe_or_error(content)
    if expected in TAKEN:
        assert isinstance(outcome, HeaderFacts)
    if expected == "REJECT_TYPE":
        assert isinstance(outcome, InvalidFileType)
    if expected == "REJECT_LIMIT":
        assert isinstance(outcome, ImageTooLarge)
    if isinstance(outcome, HeaderFacts) and outcome.format is not ImageFormat.HEIC:
        check_cleaned(content, outcome, expected)


def probe_or_error(content: bytes) -> HeaderFacts | SafelightError:
    try:
        return probe(io.BytesIO(content), budget=Budget())
    except SafelightError as error:
        return error


def check_cleaned(content: bytes, facts: HeaderFacts, expected: str) -> None:
    target = io.BytesIO()
    try:
        clean(io.BytesIO(content), target, facts, metadata=MetadataPolicy.NONE)
    except SafelightError:
        assert expected not in TAKEN
        return
    cleaned = target.getvalue()
    again = probe(io.BytesIO(cleaned), budget=Budget())
    assert (again.format, again.displayed_size, again.frames) == (facts.format, facts.displayed_size, facts.frames)
    assert again.orientation == facts.orientation
    if expected in SANITISED:
        assert [canary for canary in CANARIES if canary in cleaned] == []
