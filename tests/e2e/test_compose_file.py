"""compose.yaml and .env.example hold together with the settings."""

import os
import re
import shutil
import subprocess
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from app.settings import Settings
from tests.support.compose_file import SECRETS, environment_of, load_compose
from tests.support.paths import ROOT
from tests.support.servers.ports import find_free_port
from tests.support.servers.programs import Program, private_directory
from tests.support.servers.redis import find_redis
from tests.support.servers.s3 import find_weed
from tests.support.waiting import LIMIT_S

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
    assert named - FIELDS == {
        *("POSTGRES_PASSWORD", "REDIS_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY"),
        *("SAFELIGHT_PUBLISHED_PORT", "SAFELIGHT_NETWORK", "SAFELIGHT_WORKER_MEMORY"),
    }


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
    assert settings.trusted_proxies == ["172.30.250.2"]


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


@pytest.mark.parametrize("name", load_compose(SECRETS)["services"])
def test_every_service_is_hardened_and_bounded(name: str) -> None:
    service = load_compose(SECRETS)["services"][name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    # Compose writes the store's accounts into its container.
    assert service["read_only"] is (name != "s3")
    assert service["pids_limit"] >= 512
    assert re.fullmatch(r"\d+g", service["mem_limit"])
    assert all(":size=" in mount for mount in service["tmpfs"])
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    # A tag of a minor release is another program tomorrow.
    assert re.fullmatch(r"safelight|\S+:\d+\.\d+(\.\d+)?(-alpine)?", service["image"])


def test_base_images_carry_the_tag_of_a_patch_release() -> None:
    images = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert images
    assert [image for image in images if not re.search(r":\d+\.\d+\.\d+-", image)] == []


def test_only_nginx_is_trusted_and_keeps_its_address() -> None:
    document = load_compose(SECRETS | {"SAFELIGHT_NETWORK": "10.9.8"})
    front = document["networks"]["front"]["ipam"]["config"][0]

    given = environment_of(document["services"]["api"])

    assert given["SAFELIGHT_TRUSTED_PROXIES"] == "10.9.8.2"
    assert document["services"]["nginx"]["networks"]["front"] == {"ipv4_address": "10.9.8.2"}
    # Others get theirs from a part of the subnet in which it is not.
    assert ip_address("10.9.8.2") in ip_network(front["subnet"])
    assert ip_address("10.9.8.2") not in ip_network(front["ip_range"])
    assert document["networks"]["inside"]["internal"] is True


def test_redis_of_compose_asks_for_its_password_and_is_bounded() -> None:
    document = load_compose(SECRETS)
    command, given = document["services"]["redis"]["command"], environment_of(document["services"]["api"])
    with private_directory("compose-redis") as directory:
        socket_path = directory / "redis.sock"
        options = ["--port", "0", "--unixsocket", str(socket_path), "--dir", str(directory)]
        program = Program([find_redis(), *command[1:], *options], directory=directory)
        program.wait_until(socket_path.exists)
        with Redis(unix_socket_path=str(socket_path)) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
        password = urlsplit(given["SAFELIGHT_REDIS_URL"]).password
        with Redis(unix_socket_path=str(socket_path), password=password) as client:
            limits = client.config_get("maxmemory*")
        program.kill()

    assert int(limits["maxmemory"]) > 0
    assert limits["maxmemory-policy"] == "noeviction"


def test_s3_store_of_compose_has_volumes_as_the_disk_allows() -> None:
    command = load_compose(SECRETS)["services"]["s3"]["command"]
    ports = {name: find_free_port(companion_offset=10_000) for name in ("master", "volume", "filer", "s3")}
    with private_directory("compose-s3") as directory:
        (directory / "s3.json").write_text('{"identities": []}')
        own = {"-dir", "-ip", "-ip.bind", "-s3.port", "-s3.config"}
        kept = [word for word in command[1:] if word.partition("=")[0] not in own]
        here = [f"-dir={directory}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={directory / 's3.json'}"]
        here += [f"-{name}.port={port}" for name, port in ports.items()]
        program = Program([find_weed(), "server", *kept, *here], directory=directory)
        found: dict[str, Any] = {}

        def is_told() -> bool:
            with suppress(httpx.TransportError):
                found.update(httpx.get(f"http://127.0.0.1:{ports['master']}/dir/status", timeout=LIMIT_S).json())
            return bool(found) and int(found["Topology"]["Max"]) > 0

        program.wait_until(is_told)
        program.kill()

    # Eight of one gigabyte each by default, whatever the disk has.
    assert int(found["Topology"]["Max"]) > 8
