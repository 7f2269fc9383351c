"""The account of a test module on the shared site, for modules that need no other."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.client import Client
from tests.support.site import Site
from tests.support.site_logs import faults_of, uploads_left


@pytest.fixture
async def client(site: Site) -> AsyncIterator[Client]:
    """With the module's key."""
    async with site.client() as client:
        yield client


@pytest.fixture(scope="module")
def quiet(site: Site) -> Iterator[None]:
    """A module's tests leave neither faults nor files behind."""
    yield
    assert faults_of(site) == []
    assert uploads_left(site) == []
