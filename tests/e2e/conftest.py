"""The fixtures of this folder; see `tests.support.site_fixtures`."""

from tests.support.served_image import served, stranger
from tests.support.site_client import client, quiet
from tests.support.site_fixtures import site, wide_site
from tests.support.supervisor_fixtures import start_toy, toy_command
from tests.support.wide_client import wide_client, wide_quiet

__all__ = [
    "client",
    "quiet",
    "served",
    "site",
    "start_toy",
    "stranger",
    "toy_command",
    "wide_client",
    "wide_quiet",
    "wide_site",
]
