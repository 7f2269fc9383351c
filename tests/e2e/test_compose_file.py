"""compose.yaml and .env.example hold together with the settings."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.settings import Settings
from tests.e2e.compose_file import ROOT, environment_of, load_compose

SECRETS = {
    "SAFELIGHT_SECRET": "x" * 32,
    "SAFELIGHT_BOOTSTRAP_KEY": "sl_" + "k" * 32,
    "POSTGRES_PASSWORD": "postgres",
    "S3_ACCESS_KEY": "access",
    "S3_SECRET_KEY": "secret",
}
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
