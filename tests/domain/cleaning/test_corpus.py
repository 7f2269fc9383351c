"""Every file of the hostile corpus, where there is one: what `probe` says of it, and what is left of it when clean."""

import io
import os
import time
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
MAX_PROBE_S = 0.2


def list_files() -> list[tuple[str, str]]:
    if not MANIFEST.exists():
        return []
    rows = [line.split("\t") for line in MANIFEST.read_text().splitlines() if line.startswith("hostile/")]
    return [(row[0], row[3]) for row in rows if row[3].isupper() and (CORPUS / row[0]).is_file()]


FILES = list_files()
pytestmark = pytest.mark.skipif(not FILES, reason=f"no corpus at {CORPUS}; set SAFELIGHT_CORPUS")


@pytest.mark.parametrize(("path", "expected"), FILES, ids=[path for path, _ in FILES])
def test_a_corpus_file_is_judged_as_expected(path: str, expected: str) -> None:
    content = (CORPUS / path).read_bytes()

    started_at = time.perf_counter()
    outcome = probe_or_error(content)
    took_s = time.perf_counter() - started_at

    assert took_s < MAX_PROBE_S
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
