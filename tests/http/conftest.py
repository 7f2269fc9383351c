"""The sites of the end-to-end tests, for tests of routes."""

from tests.support.gallery import gallery
from tests.support.site_fixtures import site, wide_site

__all__ = ["gallery", "site", "wide_site"]
