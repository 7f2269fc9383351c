"""Safelight's own processes for tests: any number of APIs and workers, on SQLite + directory or PostgreSQL + S3."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from tests.support import process_logs
from tests.support.client import Client
from tests.support.servers.ports import find_free_port
from tests.support.servers.prepared import API_KEY, SECRET, clean_environment, prepare_database
from tests.support.waiting import LIMIT_S, wait_until

STOP_S = LIMIT_S


@dataclass
class Program:
    """One process of Safelight, with its log."""

    name: str
    environment: dict[str, str]
    log_path: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, for the first time or again."""
        process_logs.record(self.name, self.log_path)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", self.name],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Has it not ended yet?"""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """End it as the kernel's out-of-memory killer does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_S)

    def stop(self) -> int:
        """End it as an operator does; its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    @property
    def log(self) -> str:
        """What it has written."""
        return self.log_path.read_text(errors="replace")


@dataclass
class Site:
    """A running Safelight."""

    base_url: str
    data_dir: Path
    environment: dict[str, str]
    apis: list[Program] = field(default_factory=list)
    workers: list[Program] = field(default_factory=list)
    api_urls: list[str] = field(default_factory=list)
    key: str = API_KEY
    """Of the account that `client` talks as; the first one, unless the site is shared."""
    log_starts: dict[Path, int] = field(default_factory=dict)
    """Where in each log the lines begin that count for these tests."""

    def client(self, *, api: int = 0, timeout_s: float = LIMIT_S) -> Client:
        """A client of one of its APIs, with the site's key."""
        return Client(self.api_urls[api], self.key, timeout_s=timeout_s)

    def stranger(self, *, api: int = 0) -> Client:
        """A client without a credential."""
        return Client(self.api_urls[api], None)

    def new_log_lines(self) -> list[str]:
        """Lines that its processes have written since the tests of this view began."""
        written = (
            program.log_path.read_bytes()[self.log_starts.get(program.log_path, 0) :] for program in self.programs
        )
        return [line for part in written for line in part.decode(errors="replace").splitlines()]

    def seen_from_now(self, key: str) -> "Site":
        """The same site for other tests: with another account's key, and only the log lines that are still to come."""
        starts = {program.log_path: program.log_path.stat().st_size for program in self.programs}
        return replace(self, key=key, log_starts=starts)

    @property
    def programs(self) -> list[Program]:
        """All of its processes."""
        return [*self.apis, *self.workers]

    def wait_ready(self) -> None:
        """Return when every API says that all it needs answers."""
        wait_until(self._is_ready, lambda: "\n".join(program.log for program in self.programs))

    def _is_ready(self) -> bool:
        for program in self.programs:
            assert program.process is None or program.process.poll() is None, program.log
        try:
            return all(httpx.get(f"{url}/readyz", timeout=10, verify=False).status_code == 200 for url in self.api_urls)
        except httpx.HTTPError:
            return False

    def leftovers(self) -> list[str]:
        """Files that uploads and jobs have left in the scratch folder."""
        scratch = self.data_dir / "tmp"
        while True:
            with contextlib.suppress(FileNotFoundError):  # a job's folder went while it was looked into
                return sorted(str(path.relative_to(scratch)) for path in scratch.rglob("*") if path.is_file())


@contextlib.contextmanager
def run_site(
    data_dir: Path,
    *,
    redis_url: str,
    apis: int = 1,
    workers: int = 1,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Site]:
    """All on a prepared database, SQLite and a directory unless `environment` names others; stopped at the end."""
    data_dir.mkdir(parents=True, exist_ok=True)
    ports = [find_free_port() for _ in range(apis)]
    base = {
        **clean_environment(),
        "SAFELIGHT_DATA_DIR": str(data_dir),
        "SAFELIGHT_REDIS_URL": redis_url,
        "SAFELIGHT_SECRET": SECRET,
        "SAFELIGHT_BOOTSTRAP_KEY": API_KEY,
        "SAFELIGHT_BASE_URL": f"http://127.0.0.1:{ports[0]}",
        "SAFELIGHT_WORKERS": "2",
        **(environment or {}),
    }
    prepare_database(base)
    site = Site(base["SAFELIGHT_BASE_URL"], data_dir, base, api_urls=[f"http://127.0.0.1:{port}" for port in ports])
    for index, port in enumerate(ports):
        site.apis.append(Program("api", {**base, "SAFELIGHT_PORT": str(port)}, data_dir / f"api-{index}.log"))
    site.workers = [Program("worker", base, data_dir / f"worker-{index}.log") for index in range(workers)]
    try:
        for program in site.programs:
            program.start()
        site.wait_ready()
        yield site
    finally:
        for program in site.programs:
            with contextlib.suppress(Exception):
                program.stop()
