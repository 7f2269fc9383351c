"""The fixtures of this folder; see `tests.support.site_fixtures` and `tests.support.browser`."""

from tests.support.browser import chromium
from tests.support.site_fixtures import site

__all__ = ["chromium", "site"]
