"""The tiers of the suite: `make test` runs the first one, `make test-all` both; CONTRIBUTING.md lists them."""

import pytest

MARKERS = (
    "full(reason): in `make test-all` only; the reason says why, and which test of `make test` is nearest",
    "second_set_up: on PostgreSQL and S3; in `make test-all` only, unless the module is marked both_set_ups",
    "both_set_ups: this module runs on PostgreSQL and S3 in `make test` too, as the code differs there",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--tier", choices=["test", "all"], default="all", help="test: what `make test` runs")


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not in the tier."""
    if config.getoption("--tier") == "all":
        return
    kept = [item for item in items if _is_in_first_tier(item)]
    config.hook.pytest_deselected(items=[item for item in items if not _is_in_first_tier(item)])
    items[:] = kept


def _is_in_first_tier(item: pytest.Item) -> bool:
    if item.get_closest_marker("full"):
        return False
    return not item.get_closest_marker("second_set_up") or item.get_closest_marker("both_set_ups") is not None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say that something was left out, as pytest-xdist does not."""
    if config.getoption("--tier") == "test":
        terminalreporter.write_line("Tests in `make test-all` only were left out; CONTRIBUTING.md lists them.")
