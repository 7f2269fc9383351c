"""An account of each test of the compatible APIs, and its clients."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.pixelfox_api import Fox
from tests.support.residents import Person
from tests.support.site_logs import faults_of, uploads_left


@pytest.fixture
async def person(people: People) -> Person:
    """A new account."""
    return await people.add()


@pytest.fixture
async def client(people: People, person: Person, faultless: None) -> AsyncIterator[Client]:
    """Its client, in no system's own words."""
    async with people.client(person) as client:
        yield client


@pytest.fixture
async def fox(people: People, person: Person, faultless: None) -> AsyncIterator[Fox]:
    """Its PixelFox client."""
    async with Fox(people.site, person) as fox:
        yield fox


@pytest.fixture
def faultless(people: People) -> Iterator[None]:
    """The server has logged no fault and left no file when a test ends."""
    yield
    assert faults_of(people.site) == []
    assert uploads_left(people.site) == []
