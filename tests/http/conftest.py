"""The sites of the end-to-end tests and the npm clients, for tests of routes."""

from tests.e2e.conftest import site, wide_site
from tests.graphql.protocol.conftest import node
from tests.http.gallery import gallery

__all__ = ["gallery", "node", "site", "wide_site"]
