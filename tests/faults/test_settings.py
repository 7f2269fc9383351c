"""Wrong settings: one clear line that names the setting, and an exit status that is not 0."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from app.adapters import open_database, open_own_store, read_plans, redis_url_of
from app.jobs import redis_settings
from app.setting_urls import check_redis_url
from app.settings import InvalidSettings, load_settings
from app.supervisor.ground import CannotStart
from app.supervisor.private_redis import check_redis
from tests.support.app_commands import SECRET, run_command, settings_of

NOWHERE = "127.0.0.1:1"
FULL = pytest.mark.full("a process each; `make test` reads the same settings without one")
_DATABASE = (
    "SAFELIGHT_DATABASE_URL: cannot be understood; it is to be postgresql+asyncpg://user:password@host:port/name"
)

WRONG: dict[str, tuple[dict[str, str], str]] = {
    "no secret": ({"SAFELIGHT_SECRET": ""}, "SAFELIGHT_SECRET"),
    "database away": ({"SAFELIGHT_DATABASE_URL": f"postgresql+asyncpg://a:b@{NOWHERE}/c"}, "SAFELIGHT_DATABASE_URL"),
    "store without bucket": ({"SAFELIGHT_STORE_URL": f"s3://a:b@{NOWHERE}/?secure=0"}, "SAFELIGHT_STORE_URL"),
    "store away": ({"SAFELIGHT_STORE_URL": f"s3://a:b@{NOWHERE}/bucket?secure=0"}, "SAFELIGHT_STORE_URL"),
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
    "database without port": ({"SAFELIGHT_DATABASE_URL": "postgresql+asyncpg://a:pw@h:port/c"}, _DATABASE),
    "database without bracket": ({"SAFELIGHT_DATABASE_URL": "postgresql+asyncpg://a:pw@[::1/c"}, _DATABASE),
    "database beyond all ports": (
        {"SAFELIGHT_DATABASE_URL": "postgresql+asyncpg://a:pw@h:99999/c"},
        "SAFELIGHT_DATABASE_URL: its port must be a number from 1 to 65535",
    ),
    "database with an option": (
        {"SAFELIGHT_DATABASE_URL": f"postgresql+asyncpg://a:pw@{NOWHERE}/c?foo=bar"},
        "SAFELIGHT_DATABASE_URL: has the unknown option 'foo'; known are sslmode,",
    ),
    "database with half an option": (
        {"SAFELIGHT_DATABASE_URL": f"postgresql+asyncpg://a:pw@{NOWHERE}/c?sslmode=maybe"},
        "SAFELIGHT_DATABASE_URL: its sslmode must be one of disable,",
    ),
    "database with a certificate that is not there": (
        {"SAFELIGHT_DATABASE_URL": f"postgresql+asyncpg://a:pw@{NOWHERE}/c?sslmode=verify-full&sslrootcert=/nope"},
        "SAFELIGHT_DATABASE_URL: its sslrootcert cannot be read: No such file or directory",
    ),
    "database in memory": (
        {"SAFELIGHT_DATABASE_URL": "sqlite+aiosqlite:///:memory:"},
        "SAFELIGHT_DATABASE_URL: must name a file,",
    ),
    "host of too long a word": (
        {"SAFELIGHT_HOST": "a" * 64},
        "SAFELIGHT_HOST: the host must be a name or an address",
    ),
    "database at too long a word": (
        {"SAFELIGHT_DATABASE_URL": f"postgresql+asyncpg://a:pw@{'a' * 64}/c"},
        "SAFELIGHT_DATABASE_URL: its host must be a name or an address",
    ),
    "redis at too long a word": (
        {"SAFELIGHT_REDIS_URL": f"redis://:pw@{'a' * 64}/0"},
        "SAFELIGHT_REDIS_URL: the host must be a name or an address",
    ),
    "redis without port": (
        {"SAFELIGHT_REDIS_URL": "redis://:pw@127.0.0.1:xx/0"},
        "SAFELIGHT_REDIS_URL: its port must be a number from 1 to 65535",
    ),
    "redis without bracket": (
        {"SAFELIGHT_REDIS_URL": "redis://:pw@[::1/0"},
        "SAFELIGHT_REDIS_URL: cannot be understood: an address of IPv6 stands in brackets",
    ),
    "redis with a name": ({"SAFELIGHT_REDIS_URL": f"redis://{NOWHERE}/pw"}, "SAFELIGHT_REDIS_URL: must end with the"),
    "redis with an option": (
        {"SAFELIGHT_REDIS_URL": f"redis://{NOWHERE}/0?foo=pw"},
        "SAFELIGHT_REDIS_URL: has the unknown option 'foo'; known are db",
    ),
    "address without port": (
        {"SAFELIGHT_BASE_URL": "http://host:port"},
        "SAFELIGHT_BASE_URL: its port must be a number from 1 to 65535",
    ),
    "address beyond all ports": (
        {"SAFELIGHT_CDN_URL": "http://127.0.0.1:99999"},
        "SAFELIGHT_CDN_URL: its port must be a number from 1 to 65535",
    ),
    "origin without port": (
        {"SAFELIGHT_ALLOWED_ORIGINS": "https://app.example.org:x"},
        "SAFELIGHT_ALLOWED_ORIGINS: 'https://app.example.org:x' is no origin",
    ),
    "like nothing": ({"SAFELIGHT_XYZZY": "9"}, "SAFELIGHT_XYZZY is no setting; README.md lists them all"),
}


FOUND_LATER = {"no secret", "database away", "store away"}
"""Not by reading, but by the process that needs them."""
AS_PROCESSES = [("no secret", "api"), ("no number", "api"), ("database away", "api"), ("store away", "worker")]


@pytest.mark.parametrize("name", [name for name in WRONG if name not in FOUND_LATER])
def test_wrong_setting_is_refused_when_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    changed, text = WRONG[name]
    for setting, value in {**settings_of(tmp_path), **changed}.items():
        monkeypatch.setenv(setting, value)

    with pytest.raises(InvalidSettings) as refused:
        _read_all()

    assert text in str(refused.value)
    _assert_says_no_secret(str(refused.value))


@pytest.mark.parametrize(
    ("name", "program"),
    [*AS_PROCESSES, *(pytest.param(name, "api", marks=FULL) for name in WRONG if (name, "api") not in AS_PROCESSES)],
)
def test_a_wrong_setting_is_named_in_one_line(migrated: Path, name: str, program: str) -> None:
    changed, setting = WRONG[name]

    lines, status = run_command(program, settings={**settings_of(migrated), **changed})

    assert status != 0
    assert len(lines) == 1, lines
    assert setting in lines[0]
    _assert_says_no_secret(lines[0])


def test_a_setting_misspelt_in_the_file_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("SAFELIGHT_PUBLISHED_PORT=8080\nPOSTGRES_PASSWORD=x\nSAFELIGHT_DATADIR=/there\n")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InvalidSettings, match=r"^SAFELIGHT_DATADIR is no setting: did you mean SAFELIGHT_DATA_DIR\?$"):
        load_settings()


def test_settings_of_other_programs_are_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
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


@FULL
def test_plans_that_cannot_be_read_leave_the_database_as_it_is(tmp_path: Path) -> None:
    lines, status = run_command("migrate", settings={**settings_of(tmp_path), "SAFELIGHT_PLANS_FILE": "/nope"})

    assert status != 0
    assert lines == ["safelight: SAFELIGHT_PLANS_FILE: /nope: No such file or directory"]
    assert not (tmp_path / "safelight.db").exists()


@FULL
def test_a_database_that_was_not_migrated_is_refused(tmp_path: Path) -> None:
    (tmp_path / "safelight.db").touch()

    lines, status = run_command("worker", settings=settings_of(tmp_path))

    assert status != 0
    assert len(lines) == 1, lines
    assert "migrate" in lines[0]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["users", "list"], marks=FULL),
        pytest.param(["keys", "list", "admin"], marks=FULL),
        pytest.param(["audit"], marks=FULL),
        ["api"],
    ],
    ids=" ".join,
)
def test_a_folder_without_a_database_is_named_and_stays_as_it_is(tmp_path: Path, command: list[str]) -> None:
    data_dir = tmp_path / "data"

    lines, status = run_command(*command, settings=settings_of(data_dir))

    assert status != 0
    assert len(lines) == 1, lines
    assert f"There is no database in {data_dir}. Is SAFELIGHT_DATA_DIR right?" in lines[0]
    assert not data_dir.exists()


@FULL
def test_a_new_data_folder_is_closed_to_others_and_an_old_one_stays_as_it_is(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir(mode=0o755)
    old.chmod(0o755)

    for folder in (old, tmp_path / "new"):
        lines, status = run_command("migrate", settings=settings_of(folder))
        assert status == 0, lines

    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert old.stat().st_mode & 0o777 == 0o755


@FULL
@pytest.mark.parametrize(("program", "setting"), [("api", "SAFELIGHT_PORT"), ("worker", "SAFELIGHT_METRICS_PORT")])
def test_a_port_that_is_taken_is_named_in_one_line(migrated: Path, program: str, setting: str) -> None:
    with _listener() as port:
        lines, status = run_command(program, settings={**settings_of(migrated), setting: str(port)})

    assert status != 0
    assert len(lines) == 1, lines
    assert f"{setting}={port} cannot be listened on: Address already in use" in lines[0]


@FULL
def test_a_worker_without_its_redis_ends_so_that_it_is_started_again(migrated: Path) -> None:
    lines, status = run_command("worker", settings=settings_of(migrated))

    assert status != 0
    assert "Traceback" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"username": "nobody", "password": "pw"},
            "SAFELIGHT_REDIS_URL: Redis does not accept the user or the password.",
        ),
        ({"db": "99"}, "SAFELIGHT_REDIS_URL: Redis refuses us: has it that many databases?"),
    ],
    ids=["password", "database"],
)
async def test_a_redis_that_refuses_us_is_told_from_one_that_is_away(
    redis_url: str, change: dict[str, str], line: str
) -> None:
    url = redis_url.partition("?")[0] + "?" + urlencode(change)
    assert check_redis_url(url) == url

    with pytest.raises(CannotStart) as refused:
        await check_redis(url)

    assert str(refused.value) == line


def test_the_queue_reads_an_address_of_redis_as_everything_else_does() -> None:
    settings = redis_settings("rediss://me:a%2Fb%40c@redis.example:6380/?db=3&ssl_ca_certs=/ca.pem")

    assert (settings.host, settings.port, settings.database) == ("redis.example", 6380, 3)
    assert (settings.username, settings.password) == ("me", "a/b@c")
    assert (settings.ssl, settings.ssl_ca_certs, settings.ssl_check_hostname) == (True, "/ca.pem", True)


def _read_all() -> None:
    """What a process reads of its settings before it asks any server."""
    settings = load_settings()
    read_plans(settings)
    redis_url_of(settings)
    open_own_store(settings)
    open_database(settings)


def _assert_says_no_secret(line: str) -> None:
    assert SECRET not in line
    assert "pw" not in line


@contextmanager
def _listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
