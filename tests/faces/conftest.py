"""The set-ups of the end-to-end tests, and accounts on them."""

from tests.support.face_fixtures import client, faultless, fox, person
from tests.support.site_fixtures import site, wide_site

__all__ = ["client", "faultless", "fox", "person", "site", "wide_site"]
