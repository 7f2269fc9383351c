"""Wrong settings: one clear line, and an exit status that is not 0, within five seconds."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.settings import InvalidSettings, load_settings
from tests.servers.ports import find_free_port

EXIT_S = 5.0
SLACK_S = 3.0
"""What a busy machine adds to the start of Python."""
SECRET = "a-secret-of-tests-that-is-long-enough"
SOCKET = "unix:///nowhere/redis.sock?db=0"
NOBODY = "127.0.0.1:1"

WRONG: dict[str, tuple[dict[str, str], str]] = {
    "no secret": ({"SAFELIGHT_SECRET": ""}, "SAFELIGHT_SECRET"),
    "database away": ({"SAFELIGHT_DATABASE_URL": f"postgresql+asyncpg://a:b@{NOBODY}/c"}, "SAFELIGHT_DATABASE_URL"),
    "store without bucket": ({"SAFELIGHT_STORE_URL": f"s3://a:b@{NOBODY}/?secure=0"}, "SAFELIGHT_STORE_URL"),
    "store away": ({"SAFELIGHT_STORE_URL": f"s3://a:b@{NOBODY}/bucket?secure=0"}, "SAFELIGHT_STORE_URL"),
    "no redis": ({"SAFELIGHT_REDIS_URL": ""}, "SAFELIGHT_REDIS_URL"),
    "origin": (
        {"SAFELIGHT_ALLOWED_ORIGINS": "foo"},
        "SAFELIGHT_ALLOWED_ORIGINS: 'foo' is no origin, such as https://app.example.org",
    ),
    "broken list": (
        {"SAFELIGHT_TRUSTED_PROXIES": '["10.0.0.1"'},
        "SAFELIGHT_TRUSTED_PROXIES: must be a list, as first,",
    ),
    "no number": ({"SAFELIGHT_PORT": "abc"}, "SAFELIGHT_PORT: 'abc' must be a whole number"),
    "large number": ({"SAFELIGHT_PORT": "70000"}, "SAFELIGHT_PORT: '70000' must be 65535 or less"),
    "no switch": ({"SAFELIGHT_GUEST_UPLOADS": "maybe"}, "SAFELIGHT_GUEST_UPLOADS: 'maybe' must be 1 or 0"),
    "no level": ({"SAFELIGHT_LOG_LEVEL": "loud"}, "SAFELIGHT_LOG_LEVEL: 'loud' must be 'debug', 'info', 'warning' or"),
    "no plans": ({"SAFELIGHT_PLANS_FILE": "/nope"}, "SAFELIGHT_PLANS_FILE: /nope: No such file"),
    "misspelt": ({"SAFELIGHT_PROT": "9"}, "SAFELIGHT_PROT is no setting: did you mean SAFELIGHT_PORT?"),
    "misspelt secret": ({"SAFELIGHT_SECRETS": SECRET}, "did you mean SAFELIGHT_SECRET?"),
    "like nothing": ({"SAFELIGHT_XYZZY": "9"}, "SAFELIGHT_XYZZY is no setting; README.md lists them all"),
}


@pytest.mark.parametrize(("name", "program"), [*((name, "api") for name in WRONG), ("store away", "worker")])
def test_a_wrong_setting_is_named_in_one_line(migrated: Path, name: str, program: str) -> None:
    changed, setting = WRONG[name]

    lines, status = _run(program, settings={**_settings(migrated), **changed})

    assert status != 0
    assert len(lines) == 1, lines
    assert setting in lines[0]
    assert SECRET not in lines[0]


def test_a_setting_misspelt_in_the_file_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("SAFELIGHT_PUBLISHED_PORT=8080\nPOSTGRES_PASSWORD=x\nSAFELIGHT_DATADIR=/there\n")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InvalidSettings, match=r"^SAFELIGHT_DATADIR is no setting: did you mean SAFELIGHT_DATA_DIR\?$"):
        load_settings()


def test_names_of_others_are_nobodys_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["URL", "KEY", "CORPUS", "SERVICE_HOST", "API_SERVICE_PORT_HTTP", "PORT_8000_TCP_ADDR"]
    for name in names:
        monkeypatch.setenv(f"SAFELIGHT_{name}", "theirs")
    monkeypatch.setenv("SAFELIGHT_API_PORT", "tcp://10.0.0.7:8000")
    monkeypatch.setenv("SAFELIGHT_PORT", "8123")

    assert load_settings().port == 8123


@pytest.mark.parametrize(
    "text", ["https://a.example, http://b.example:81/", '["https://a.example","http://b.example:81"]']
)
def test_a_list_stands_between_commas_or_as_json(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SAFELIGHT_ALLOWED_ORIGINS", text)

    assert load_settings().allowed_origins == ["https://a.example", "http://b.example:81"]


def test_plans_that_cannot_be_read_leave_the_database_as_it_is(tmp_path: Path) -> None:
    lines, status = _run("migrate", settings={**_settings(tmp_path), "SAFELIGHT_PLANS_FILE": "/nope"})

    assert status != 0
    assert lines == ["safelight: SAFELIGHT_PLANS_FILE: /nope: No such file or directory"]
    assert not (tmp_path / "safelight.db").exists()


def test_a_database_that_was_not_migrated_is_refused(tmp_path: Path) -> None:
    (tmp_path / "safelight.db").touch()

    lines, status = _run("worker", settings=_settings(tmp_path))

    assert status != 0
    assert len(lines) == 1, lines
    assert "migrate" in lines[0]


@pytest.mark.parametrize("command", [["users", "list"], ["keys", "list", "admin"], ["audit"], ["api"]], ids=" ".join)
def test_a_folder_without_a_database_is_named_and_stays_as_it_is(tmp_path: Path, command: list[str]) -> None:
    data_dir = tmp_path / "data"

    lines, status = _run(*command, settings=_settings(data_dir))

    assert status != 0
    assert len(lines) == 1, lines
    assert f"There is no database in {data_dir}. Is SAFELIGHT_DATA_DIR right?" in lines[0]
    assert not data_dir.exists()


def test_a_new_data_folder_is_closed_to_others_and_an_old_one_stays_as_it_is(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir(mode=0o755)
    old.chmod(0o755)

    for folder in (old, tmp_path / "new"):
        lines, status = _run("migrate", settings=_settings(folder))
        assert status == 0, lines

    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert old.stat().st_mode & 0o777 == 0o755


def test_a_port_that_is_taken_is_named_in_one_line(migrated: Path) -> None:
    with _listener() as port:
        lines, status = _run("api", settings={**_settings(migrated), "SAFELIGHT_PORT": str(port)})

    assert status != 0
    assert len(lines) == 1, lines
    assert "SAFELIGHT_PORT" in lines[0]


def test_a_worker_without_its_redis_ends_so_that_it_is_started_again(migrated: Path) -> None:
    lines, status = _run("worker", settings=_settings(migrated))

    assert status != 0
    assert "Traceback" not in "\n".join(lines)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose database is up to date."""
    data_dir = tmp_path_factory.mktemp("migrated")
    lines, status = _run("migrate", settings=_settings(data_dir))
    assert status == 0, lines
    return data_dir


def _settings(data_dir: Path) -> dict[str, str]:
    return {
        "SAFELIGHT_DATA_DIR": str(data_dir),
        "SAFELIGHT_REDIS_URL": SOCKET,
        "SAFELIGHT_SECRET": SECRET,
        "SAFELIGHT_PORT": str(find_free_port()),
    }


def _run(*program: str, settings: dict[str, str]) -> tuple[list[str], int]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SAFELIGHT_")}
    started_at = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "app", *program],
        env={**inherited, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=EXIT_S + SLACK_S,
    )
    print(f"{program[0]} ended after {time.monotonic() - started_at:.1f} s")
    return done.stdout.splitlines(), done.returncode


@contextmanager
def _listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
