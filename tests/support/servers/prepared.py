"""Databases as `safelight migrate` leaves them, with the first account: made once, then copied for each test.

A copy takes milliseconds, a migration in a process of its own a second and a half.
"""

import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.servers.postgres import PostgresServer

API_KEY = "sl_test-key-0123456789012345678901234567890123"
"""The first account's."""
SECRET = "a-secret-of-tests-that-is-long-enough"
FILE_NAME = "safelight.db"

_copies: set[str] = set()


def clean_environment() -> dict[str, str]:
    """The tests' own environment without settings, for a process of Safelight's; it may keep what it compiles."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SAFELIGHT_") and name != "PYTHONDONTWRITEBYTECODE"
    }


def prepare_database(environment: Mapping[str, str]) -> None:
    """See to it that the database of these settings is migrated and has the first account."""
    url, data_dir = environment.get("SAFELIGHT_DATABASE_URL"), Path(environment["SAFELIGHT_DATA_DIR"])
    if url is None:
        (data_dir / FILE_NAME).write_bytes(prepared_file())
    elif url not in _copies:
        _migrate(environment)


@functools.cache
def prepared_file() -> bytes:
    """An SQLite database's only file."""
    with tempfile.TemporaryDirectory(prefix="safelight-prepared-") as folder:
        _migrate(_settings(SAFELIGHT_DATA_DIR=folder))
        return Path(folder, FILE_NAME).read_bytes()


def create_prepared(postgres: PostgresServer) -> str:
    """The address of a new database on this server."""
    url = postgres.url(postgres.create_database(template=_template(postgres)))
    _copies.add(url)
    return url


@pytest.fixture
def prepared_postgres(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a prepared database for this test alone."""
    url = create_prepared(postgres_server)
    yield url
    postgres_server.drop_database(url.rpartition("/")[2])


@functools.cache
def _template(postgres: PostgresServer) -> str:
    name = postgres.create_database()
    with tempfile.TemporaryDirectory(prefix="safelight-prepared-") as folder:
        _migrate(_settings(SAFELIGHT_DATA_DIR=folder, SAFELIGHT_DATABASE_URL=postgres.url(name)))
    return name


def _settings(**settings: str) -> dict[str, str]:
    return {
        **clean_environment(),
        "SAFELIGHT_SECRET": SECRET,
        "SAFELIGHT_BOOTSTRAP_KEY": API_KEY,
        "SAFELIGHT_REDIS_URL": "redis://127.0.0.1:1",
        **settings,
    }


def _migrate(environment: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "app", "migrate"]
    migration = subprocess.run(command, env=dict(environment), capture_output=True, check=False)
    assert migration.returncode == 0, migration.stderr.decode()
