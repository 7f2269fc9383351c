"""Slink's `?w=&h=&crop=`."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.slink_params import parse_slink_params
from app.domain.transforms import Transform
from app.domain.variants import Fit
from app.errors import InvalidRequest
from tests.support.option_texts import read_hostile_texts, read_or_refusal

Query = list[tuple[str, str]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ([], None),
        ([("crop", "true")], None),
        ([("exp", "1"), ("sig", "x"), ("download", "1")], None),
        ([("w", "")], None),
        ([("w", "300")], Transform(300)),
        ([("h", "200")], Transform(None, 200)),
        ([("w", "800"), ("h", "600")], Transform(800, 600, Fit.SCALE_DOWN)),
        ([("width", "800"), ("height", "600"), ("crop", "false")], Transform(800, 600)),
        ([("w", "800"), ("h", "600"), ("crop", "true")], Transform(800, 600, Fit.COVER)),
        ([("w", "300"), ("crop", "true")], Transform(300, 300, Fit.COVER)),
        ([("h", "300"), ("crop", "1")], Transform(300, 300, Fit.COVER)),
    ],
)
def test_parameters_mean_what_slink_documents(query: Query, expected: Transform | None) -> None:
    assert parse_slink_params(query) == expected


@pytest.mark.parametrize(
    ("field", "query"),
    [
        ("w", [("w", "0")]),
        ("w", [("w", "12001")]),
        ("w", [("w", "-5")]),
        ("w", [("w", "1.5")]),
        ("w", [("w", "5"), ("width", "5")]),
        ("h", [("h", "abc")]),
        ("crop", [("w", "5"), ("crop", "maybe")]),
    ],
)
def test_the_parameter_at_fault_is_named(field: str, query: Query) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_slink_params(query)

    assert refusal.value.details == {"field": field}


@given(st.lists(st.tuples(st.sampled_from(["w", "h", "crop", "width", "x"]), st.text(max_size=8))))
def test_any_query_is_read_or_refused(query: Query) -> None:
    outcome = read_or_refusal(parse_slink_params, query)

    assert not isinstance(outcome, InvalidRequest) or outcome.details["field"] in {"w", "h", "crop"}


def test_no_text_of_the_hostile_corpus_raises_anything_else(corpus: Path) -> None:
    for text in read_hostile_texts(corpus):
        for name in ("w", "crop"):
            read_or_refusal(parse_slink_params, [(name, text)])
