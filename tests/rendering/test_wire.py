"""A child's word is worth no more than the job allows: it may speak for the picture."""

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.formats import ImageFormat
from app.domain.headers.facts import HeaderFacts
from app.domain.variants import Geometry, MetadataPolicy
from app.rendering.protocol import Decoded, NotRendered, Rendered, RenderSpec
from app.rendering.wire import (
    Done,
    JobOrder,
    ProtocolViolation,
    Refused,
    make_answer,
    make_job,
    parse_answer,
    parse_job,
)

FACTS = HeaderFacts(ImageFormat.JPEG, 40, 30, orientation=6)
SPECS = (
    RenderSpec("a", ImageFormat.WEBP, Geometry((20, 15), (10, 10)), 70, MetadataPolicy.KEEP, background="#010203"),
    RenderSpec("b", ImageFormat.GIF, Geometry((8, 8), (8, 8)), is_animated=True),
    RenderSpec(
        "c",
        ImageFormat.PNG,
        Geometry((20, 10), (20, 12)),
        is_opaque=True,
        blur=2.5,
        sharpen=1.25,
        is_grayscale=True,
        turn=6,
    ),
)
OUT = Path("/scratch/out")
PNG = b"\x89PNG\r\n\x1a\n..."
DECODED = Decoded(
    30,
    40,
    has_alpha=False,
    thumbhash=base64.b64encode(b"12345678").decode(),
    dominant_color="#aabbcc",
    placeholder_png=PNG,
)


def parse(line: bytes) -> object:
    return parse_answer(line, facts=FACTS, specs=SPECS, out_dir=OUT)


def test_a_job_survives_the_pipe() -> None:
    order = JobOrder(Path("/scratch/job"), FACTS, SPECS, True, 1, 2, 3, 4, 5, 6, 7)

    assert parse_job(make_job(order)) == order


def test_honest_answers_survive_the_pipe() -> None:
    rendered = Rendered("b", OUT / "1", ImageFormat.GIF, 8, 8, 0, is_animated=True, took_ms=1.5)

    for answer in (DECODED, Refused(is_too_large=True), Done()):
        assert parse(make_answer(answer)) == answer
    assert parse(make_answer(rendered, index=1)) == rendered
    assert parse(make_answer(NotRendered("a", "no"), index=0)) == NotRendered("a", "no")


@pytest.mark.parametrize(
    "change",
    [
        {"size": [40, 30]},
        {"size": [30]},
        {"size": ["30", "40"]},
        {"color": "red"},
        {"color": "#aabbcc\n<script>"},
        {"thumbhash": "!!!"},
        {"thumbhash": ""},
        {"placeholder": base64.b64encode(b"<svg>").decode()},
        {"placeholder": base64.b64encode(PNG + bytes(9000)).decode()},
        {"kind": "other"},
    ],
)
def test_an_impossible_verdict_is_refused(change: dict[str, object]) -> None:
    fields = json.loads(make_answer(DECODED)) | change

    with pytest.raises(ProtocolViolation):
        parse(json.dumps(fields).encode())


def test_a_quarter_turn_swaps_the_sides_of_a_file() -> None:
    turned = Rendered("c", OUT / "2", ImageFormat.PNG, 12, 20, 0, is_animated=False, took_ms=1.0)

    assert parse(make_answer(turned, index=2)) == turned
    with pytest.raises(ProtocolViolation):
        parse(make_answer(replace(turned, width_px=20, height_px=12), index=2))


@pytest.mark.parametrize(
    "change",
    [{"index": 3}, {"index": -1}, {"index": True}, {"index": "0"}, {"index": None}, {"size": [11, 10]}, {"ms": "x"}],
)
def test_a_file_that_was_not_ordered_is_refused(change: dict[str, object]) -> None:
    fields = {"kind": "rendered", "index": 0, "size": [10, 10], "ms": 1.0} | change

    with pytest.raises(ProtocolViolation):
        parse(json.dumps(fields).encode())


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.integers() | st.text(), lambda leaf: st.lists(leaf) | st.dictionaries(st.text(), leaf)
    ).map(lambda value: json.dumps(value).encode())
)
def test_garbage_is_refused_in_an_orderly_way(line: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        parse(line)
