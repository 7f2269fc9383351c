"""The fixtures of this folder; see `tests.support.site_fixtures`."""

from tests.support.site_fixtures import site, wide_site

__all__ = ["site", "wide_site"]
