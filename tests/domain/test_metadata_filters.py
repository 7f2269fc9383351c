"""Conditions on metadata, read strictly: whatever a query holds, it is understood or refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.metadata_filters import MAX_TESTS, Comparison, MetadataTest, read_metadata_tests
from app.errors import InvalidRequest


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("meta.status[eq]", "active", MetadataTest(("status",), Comparison.IN, ("active",))),
        ("meta.a.b c[eq:string]", "", MetadataTest(("a", "b c"), Comparison.IN, ("",))),
        ("meta.n[eq:number]", "5.0", MetadataTest(("n",), Comparison.IN, (5,))),
        ("meta.n[gte]", "-1.5", MetadataTest(("n",), Comparison.GTE, (-1.5,))),
        ("meta.n[lt:number]", "1e3", MetadataTest(("n",), Comparison.LT, (1000,))),
        ("meta.on[eq:boolean]", "false", MetadataTest(("on",), Comparison.IN, (False,))),
        ("meta.r[in]", "a|b", MetadataTest(("r",), Comparison.IN, ("a", "b"))),
        ("meta.r[in:number]", "1|2", MetadataTest(("r",), Comparison.IN, (1, 2))),
    ],
)
def test_a_condition_is_read(name: str, value: str, expected: MetadataTest) -> None:
    # CI-24
    assert read_metadata_tests([("page", "1"), (name, value)]) == (expected,)


def test_there_may_be_only_so_many() -> None:
    with pytest.raises(InvalidRequest):
        read_metadata_tests([("meta.a[eq]", "x")] * (MAX_TESTS + 1))


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_comes_is_understood_or_refused(name: str, value: str) -> None:
    for given_name in (f"meta.{name}", f"meta.a[{name}]", f"meta.{name}[eq:number]"):
        with contextlib.suppress(InvalidRequest):
            [test] = read_metadata_tests([(given_name, value)])
            assert not {'"', "\\", ""} & {*"".join(test.path), *test.path}
