"""What the options of a database's URL mean, with TLS as managed servers have it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from app.db.connecting import parse_url
from app.db.engine import Database
from app.db.failures import DatabaseRefused
from tests.support.servers.tls import make_certificate, tls_before


@dataclass(frozen=True, slots=True)
class Managed:
    """A PostgreSQL that takes none but those who ask for TLS."""

    url: str
    certificate: Path


@asynccontextmanager
async def stand_before(postgres_url: str, folder: Path, *, address: str) -> AsyncIterator[Managed]:
    url = parse_url(postgres_url)
    assert url.port is not None
    certificate = make_certificate(folder, address=address)
    async with tls_before(url.port, certificate) as port:
        yield Managed(url.set(port=port).render_as_string(hide_password=False), certificate)


@pytest_asyncio.fixture
async def managed(postgres_url: str, tmp_path: Path, unhurried: None) -> AsyncIterator[Managed]:
    async with stand_before(postgres_url, tmp_path, address="127.0.0.1") as standing:
        yield standing


async def check(url: str) -> None:
    database = Database(url)
    try:
        await database.check()
    finally:
        await database.close()


@pytest.mark.parametrize("options", ["sslmode=require", "ssl=require", "sslmode=prefer"])
async def test_tls_is_used_where_it_is_asked_for(managed: Managed, options: str) -> None:
    await check(f"{managed.url}?{options}")


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_a_certificate_is_trusted_if_its_root_is(managed: Managed, mode: str) -> None:
    await check(f"{managed.url}?sslmode={mode}&sslrootcert={managed.certificate}")


@pytest.mark.parametrize("options", ["sslmode=verify-ca", "sslmode=verify-full&sslrootcert=system"])
async def test_a_certificate_that_the_machine_does_not_know_is_refused(managed: Managed, options: str) -> None:
    with pytest.raises(DatabaseRefused) as refused:
        await check(f"{managed.url}?{options}")

    assert "sslrootcert" in refused.value.advice


async def test_the_address_in_a_certificate_counts_for_verify_full_alone(
    postgres_url: str, tmp_path: Path, unhurried: None
) -> None:
    async with stand_before(postgres_url, tmp_path, address="192.0.2.1") as other:
        await check(f"{other.url}?sslmode=verify-ca&sslrootcert={other.certificate}")

        with pytest.raises(DatabaseRefused):
            await check(f"{other.url}?sslmode=verify-full&sslrootcert={other.certificate}")
