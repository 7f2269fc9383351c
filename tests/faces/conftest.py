"""The set-ups of the end-to-end tests."""

from tests.e2e.conftest import site, wide_site

__all__ = ["site", "wide_site"]
