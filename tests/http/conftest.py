"""The sites of the end-to-end tests, for tests of routes."""

from tests.e2e.conftest import site, wide_site
from tests.http.gallery import gallery

__all__ = ["gallery", "site", "wide_site"]
