"""The sites of the end-to-end tests, for tests of routes."""

from tests.support.gallery import galleries, gallery
from tests.support.site_client import client, quiet
from tests.support.site_fixtures import site, wide_site

__all__ = ["client", "galleries", "gallery", "quiet", "site", "wide_site"]
