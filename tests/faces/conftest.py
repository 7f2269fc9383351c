"""The set-ups of the end-to-end tests."""

from tests.support.site_fixtures import site, wide_site

__all__ = ["site", "wide_site"]
