"""The sites of the end-to-end tests and the npm clients, for tests of routes."""

from tests.e2e.conftest import site, wide_site
from tests.graphql.protocol.conftest import node

__all__ = ["node", "site", "wide_site"]
