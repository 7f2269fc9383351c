"""The account of a test module on the shared site of two APIs."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.client import Client
from tests.support.site import Site
from tests.support.site_logs import faults_of, uploads_left


@pytest.fixture
async def wide_client(wide_site: Site) -> AsyncIterator[Client]:
    """With the module's key, at the first of both."""
    async with wide_site.client() as client:
        yield client


@pytest.fixture(scope="module")
def wide_quiet(wide_site: Site) -> Iterator[None]:
    """A module's tests leave neither faults nor files behind."""
    yield
    assert faults_of(wide_site) == []
    assert uploads_left(wide_site) == []
