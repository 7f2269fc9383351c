"""Somebody with an account, and their client."""

from collections.abc import AsyncIterator

import pytest

from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.residents import Person
from tests.support.site_logs import faults_of, uploads_left

__all__ = ["client", "person"]


@pytest.fixture
async def person(people: People) -> Person:
    return await people.add()


@pytest.fixture
async def client(people: People, person: Person) -> AsyncIterator[Client]:
    async with people.client(person) as client:
        yield client
    assert faults_of(people.site) == []
    assert uploads_left(people.site) == []
