"""compose.yaml and .env.example hold together with the settings."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.settings import Settings
from tests.support.compose_file import SECRETS, environment_of, load_compose
from tests.support.paths import ROOT

# What holds the services together, and what only means something inside of them.
FIXED = {
    f"SAFELIGHT_{name}" for name in ("HOST", "PORT", "DATA_DIR", "DATABASE_URL", "REDIS_URL", "STORE_URL", "PLANS_FILE")
}
ALSO_FIXED_FOR_WORKERS = {"SAFELIGHT_METRICS_PORT"}
FIELDS = {f"SAFELIGHT_{name.upper()}" for name in Settings.model_fields}


def names_in(path: Path) -> set[str]:
    """Every setting that a file of NAME=value lines names, also where the line is a comment."""
    return set(re.findall(r"^#? ?([A-Z0-9_]+)=", path.read_text(), re.MULTILINE))


def test_example_names_every_setting_and_none_that_is_not_there() -> None:
    named = names_in(ROOT / ".env.example")

    assert FIELDS - named == set()
    assert named - FIELDS == {"POSTGRES_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY", "SAFELIGHT_PUBLISHED_PORT"}


@pytest.mark.parametrize("name", ["api", "worker", "migrate"])
def test_every_service_of_ours_is_given_settings_that_are_accepted(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = environment_of(load_compose(SECRETS)["services"][name])
    monkeypatch.chdir(tmp_path)
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)

    settings = Settings()

    assert set(given) <= FIELDS
    assert settings.sql_url == "postgresql+asyncpg://safelight:postgres@postgres:5432/safelight"
    assert settings.object_store_url.startswith("s3://access:secret@s3:8333/")
    assert settings.trusted_proxies == ["172.16.0.0/12"]


@pytest.mark.parametrize("name", ["api", "worker", "migrate"])
def test_every_setting_in_dotenv_reaches_every_service(name: str) -> None:
    dotenv = {setting: f"value-of-{setting}" for setting in FIELDS} | SECRETS
    service = load_compose(dotenv)["services"][name]

    given = environment_of(service, dotenv)

    theirs = FIXED | (ALSO_FIXED_FOR_WORKERS if name == "worker" else set())
    assert {setting for setting in FIELDS if given[setting] != dotenv[setting]} == theirs
    # The one that names a file of the host, which is shown to the container.
    assert {"source": dotenv["SAFELIGHT_PLANS_FILE"], "target": given["SAFELIGHT_PLANS_FILE"]}.items() <= next(
        volume for volume in service["volumes"] if isinstance(volume, dict)
    ).items()


@pytest.mark.parametrize("name", ["api", "worker", "migrate"])
def test_the_published_port_stands_in_the_addresses_given_out(name: str) -> None:
    def address(**dotenv: str) -> str:
        return environment_of(load_compose(SECRETS | dotenv)["services"][name])["SAFELIGHT_BASE_URL"]

    assert address() == "http://localhost:8080"
    assert address(SAFELIGHT_PUBLISHED_PORT="9090") == "http://localhost:9090"
    assert address(SAFELIGHT_PUBLISHED_PORT="9090", SAFELIGHT_BASE_URL="https://i.example") == "https://i.example"


def test_file_needs_every_secret_of_the_example() -> None:
    for missing in SECRETS:
        with pytest.raises(KeyError, match=missing):
            load_compose({name: value for name, value in SECRETS.items() if name != missing})


def test_docker_accepts_it(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no docker compose on this machine")

    checked = subprocess.run(
        [docker, "compose", "-f", str(ROOT / "compose.yaml"), "config", "--quiet"],
        env=os.environ | SECRETS,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
