"""Errors of other parts reach the operator: a line a cause and minute, and a count of every one."""

import logging

import pytest

from app import foreign_errors
from app.foreign_errors import MAX_CAUSES, _Causes, report_foreign_error
from app.shared_metrics import read_metrics


@pytest.fixture(autouse=True)
def causes(monkeypatch: pytest.MonkeyPatch) -> _Causes:
    """A memory of its own, as other tests report errors too."""
    causes = _Causes()
    monkeypatch.setattr(foreign_errors, "_causes", causes)
    return causes


def test_an_error_is_logged_once_and_counted_each_time(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            report_foreign_error("store", operation="put-of-a-test", code="AccessDenied", error=OSError("no right"))

    (line,) = caplog.records
    assert (line.levelname, line.message) == ("WARNING", "foreign_error")
    assert {"part": "store", "operation": "put-of-a-test", "code": "AccessDenied", "count": 1}.items() <= vars(
        line
    ).items()
    assert vars(line)["reason"] == "OSError: no right"
    assert b'safelight_foreign_errors_total{operation="put-of-a-test",part="store"} 3.0' in read_metrics()[0]


def test_another_code_of_the_same_part_is_another_cause(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for code in ("53300", "57P01", "53300"):
            report_foreign_error("database", operation="connect", code=code)

    assert [vars(line)["code"] for line in caplog.records] == ["53300", "57P01"]


def test_the_next_line_counts_what_was_held_back(causes: _Causes) -> None:
    cause = ("disk", "write", "ENOSPC")

    assert [causes.count(cause, now) for now in (0, 10, 59, 61)] == [1, None, None, 3]


def test_invented_codes_do_not_fill_the_memory(causes: _Causes) -> None:
    for number in range(10 * MAX_CAUSES):
        causes.count(("store", "put", str(number)), number / 1000)
        causes.count(("store", "put", str(number)), number / 1000)

    assert len(causes._logged_at) == len(causes._held_back) == MAX_CAUSES
