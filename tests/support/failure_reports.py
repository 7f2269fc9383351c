"""What a failed test leaves in the report: the logs of the processes that it used; their stacks where it hung."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support import process_logs

_TIMED_OUT = "Timeout"
_before: dict[str, dict[Path, int]] = {}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Remember how long each log was when the test began, its fixtures included."""
    _before[item.nodeid] = process_logs.sizes()
    result = yield
    _before.pop(item.nodeid, None)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failure what processes have written since."""
    report = yield
    if report.failed:
        if call.excinfo is not None and str(call.excinfo.value).startswith(_TIMED_OUT):
            process_logs.dump_stacks()
        report.sections += process_logs.written_since(_before.get(item.nodeid, {}))
    return report
