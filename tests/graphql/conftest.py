"""The set-ups of the end-to-end tests."""

from tests.support.site_client import client, quiet
from tests.support.site_fixtures import site, wide_site

__all__ = ["client", "quiet", "site", "wide_site"]
