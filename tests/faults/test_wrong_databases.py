"""Databases that are there and are not ours to use: one line that names the setting and says what to do."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.app_commands import run_command, settings_of
from tests.support.servers.postgres import PostgresServer
from tests.support.servers.prepared import create_prepared

PASSWORD = "not-the-password"
FULL = pytest.mark.full("a process each; `make test` has every complaint of one command")
OTHERS = [pytest.param(command, marks=FULL) for command in ("run", "api", "worker")]
COMMANDS = ["migrate", *OTHERS]
OTHERS_OF_NEWER = [pytest.param(command, marks=FULL) for command in ("run", "migrate", "worker", "users list", "audit")]
FUTURE = "m9999_future"
SETTING = "SAFELIGHT_DATABASE_URL"


@pytest.fixture(scope="module")
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


def with_user(url: str, user: str) -> str:
    return f"postgresql+asyncpg://{user}@{url.partition('@')[2]}"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "user",
    [
        f"postgres:{PASSWORD}",
        pytest.param(f"nobody:{PASSWORD}", marks=FULL),
        pytest.param("postgres", marks=FULL),
    ],
)
def test_user_that_may_not_log_in_reads_what_to_check(
    tmp_path: Path, postgres_url: str, command: str, user: str
) -> None:
    line = _complaint(command, tmp_path, with_user(postgres_url, user))

    assert line == (
        "SAFELIGHT_DATABASE_URL: PostgreSQL does not let this user in: check the name, the password and, if it wants "
        "TLS, sslmode."
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_that_is_not_there_is_to_be_created(tmp_path: Path, postgres_url: str, command: str) -> None:
    line = _complaint(command, tmp_path, f"{postgres_url}_not")

    assert line == "SAFELIGHT_DATABASE_URL: PostgreSQL has no database of this name: create it, or correct the name."


@FULL
def test_a_user_that_may_make_no_tables_is_told_so(tmp_path: Path, postgres_server: PostgresServer) -> None:
    name = postgres_server.create_database()
    try:
        postgres_server.execute(f"CREATE ROLE weak LOGIN PASSWORD '{PASSWORD}'")
        line = _complaint("migrate", tmp_path, with_user(postgres_server.url(name), f"weak:{PASSWORD}"))
    finally:
        postgres_server.drop_database(name)
        postgres_server.execute("DROP ROLE IF EXISTS weak")

    assert (
        line == "SAFELIGHT_DATABASE_URL: PostgreSQL does not allow this user enough: make it the owner of the database."
    )


@FULL
@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_tls_that_the_server_does_not_speak_is_named(tmp_path: Path, postgres_url: str, mode: str) -> None:
    line = _complaint("run", tmp_path, f"{postgres_url}?sslmode={mode}")

    assert line == (
        "SAFELIGHT_DATABASE_URL: No connection with the TLS that was asked for: check sslmode, and sslrootcert."
    )


@FULL
@pytest.mark.parametrize("option", ["sslmode=prefer", "ssl=disable"])
def test_without_need_of_tls_any_server_will_do(tmp_path: Path, postgres_server: PostgresServer, option: str) -> None:
    url = f"{create_prepared(postgres_server)}?{option}"

    lines, status = run_command("migrate", settings={**settings_of(tmp_path), SETTING: url})

    assert status == 0, lines


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_no_database_is_named(tmp_path: Path, command: str) -> None:
    (tmp_path / "notes.txt").write_text("Nothing but words. " * 100)

    line = _complaint(command, tmp_path, f"sqlite+aiosqlite:///{tmp_path / 'notes.txt'}")

    assert line == "SAFELIGHT_DATABASE_URL: The file is no SQLite database: name another one."


@FULL
def test_a_broken_file_in_the_data_folder_names_the_folder(tmp_path: Path) -> None:
    (tmp_path / "safelight.db").write_text("Nothing but words. " * 100)

    lines, status = run_command("migrate", settings=settings_of(tmp_path))

    assert (lines, status) == (["safelight: SAFELIGHT_DATA_DIR: The file is no SQLite database: name another one."], 1)


@pytest.mark.parametrize("command", ["api", *OTHERS_OF_NEWER])
def test_a_database_of_a_newer_release_is_told_apart_from_an_old_one(
    tmp_path: Path, migrated: Path, command: str
) -> None:
    shutil.copy(migrated / "safelight.db", tmp_path / "newer.db")
    _write(tmp_path / "newer.db", f"UPDATE alembic_version SET version_num = '{FUTURE}'")

    line = _complaint(command, tmp_path, f"sqlite+aiosqlite:///{tmp_path / 'newer.db'}")

    assert line.startswith(f"The database is of a newer release, or of another program (revision {FUTURE}; this one")
    assert SETTING in line


@FULL
def test_tables_of_another_program_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    _write(path, "CREATE TABLE images (id INTEGER PRIMARY KEY)")

    line = _complaint("migrate", tmp_path, f"sqlite+aiosqlite:///{path}")

    assert line == (
        "Another program's tables are in this database (images): let SAFELIGHT_DATABASE_URL name a database of our own."
    )


@FULL
@pytest.mark.parametrize("target", ["nonsense", "-1", "00", "0001:0002"])
def test_a_revision_that_is_none_is_answered_with_those_that_are(migrated: Path, target: str) -> None:
    lines, status = run_command("migrate", f"--to={target}", settings=settings_of(migrated))

    assert status == 1
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"safelight: There is no revision {target!r}; there are base, 0001, 0002,")


def _complaint(command: str, data_dir: Path, url: str) -> str:
    """The one line that says why it did not start, without `safelight:`."""
    settings = settings_of(data_dir) | {SETTING: url}
    if command == "run":  # which has a Redis of its own
        del settings["SAFELIGHT_REDIS_URL"]
    lines, status = run_command(*command.split(), settings=settings)
    complaints = [line for line in lines if line and not line.endswith("…")]
    assert status == 1, lines
    assert len(complaints) == 1, lines
    assert PASSWORD not in complaints[0]
    return complaints[0].removeprefix("safelight: ")


def _write(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)
