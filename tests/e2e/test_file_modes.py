"""What other users of the machine may read of the data folder: nothing; and nginx's group the objects."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.graphql_client import sha256_of
from tests.support.pictures import make_jpeg
from tests.support.served_image import make_noisy
from tests.support.servers.deployed_nginx import Around, run_nginx_of_deploy
from tests.support.servers.programs import private_directory
from tests.support.servers.redis import run_redis
from tests.support.site import Site, run_site
from tests.support.waiting import LIMIT_S

NOBODY = 65_534
OTHERS = stat.S_IRWXG | stat.S_IRWXO

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs programs as another user")


@dataclass(frozen=True)
class Tightened:
    """A site whose data folder an earlier release left open."""

    site: Site
    data_dir: Path


@pytest.fixture(scope="module")
def tightened() -> Iterator[Tightened]:
    with private_directory("modes") as parent, run_redis() as redis:
        parent.chmod(0o711)
        data_dir = parent / "data"
        data_dir.mkdir(mode=0o700)
        for folder in ("logs", "tmp", "redis/appendonlydir", "objects/aa/bb"):
            (data_dir / folder).mkdir(parents=True)
        for name in ("secret", "logs/api.log", "tmp/old", "redis/appendonlydir/a.aof", "objects/aa/bb/old"):
            (data_dir / name).write_text("x" * 32)
            (data_dir / name).chmod(0o644)
        for folder, _, _ in os.walk(data_dir):
            if folder != str(data_dir):
                Path(folder).chmod(0o755)
        settings = {"SAFELIGHT_DELIVERY": "accel", "SAFELIGHT_OBJECTS_GROUP": str(NOBODY)}
        with run_site(data_dir, redis_url=redis.url, environment=settings) as site:
            yield Tightened(site, data_dir)


def modes_below(folder: Path) -> dict[str, int]:
    """Without files that have another link: an object that is read lies in tmp/ as one, in a closed folder."""
    modes = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # a job's file
            found = path.lstat()
            if stat.S_ISDIR(found.st_mode) or (stat.S_ISREG(found.st_mode) and found.st_nlink == 1):
                modes[str(path)] = stat.S_IMODE(found.st_mode)
    return modes


async def test_nothing_beside_the_objects_is_open_to_others(tightened: Tightened) -> None:
    async with tightened.site.client() as client:
        session = await client.upload(make_jpeg(331, 200))
        await client.wait_complete(session.image_id)

    # The tests' own logs lie beside the server's files.
    modes = {name: mode for name, mode in modes_below(tightened.data_dir).items() if "/objects" not in name}

    assert any(name.endswith("safelight.db") for name in modes)
    assert {name: oct(mode) for name, mode in modes.items() if mode & OTHERS and not name.endswith(".log")} == {}
    assert modes[str(tightened.data_dir / "logs" / "api.log")] == 0o600


async def test_objects_are_for_their_group_alone(tightened: Tightened) -> None:
    async with tightened.site.client() as client:
        session = await client.upload(make_jpeg(332, 200))
        await client.wait_complete(session.image_id)
    objects = tightened.data_dir / "objects"

    paths = [objects, *(path for path in objects.rglob("*") if path.parent.name != ".incoming")]
    wrong = [
        (str(path), oct(path.stat().st_mode))
        for path in paths
        if path.stat().st_gid != NOBODY or path.stat().st_mode & 0o777 != (0o750 if path.is_dir() else 0o640)
    ]

    assert wrong == []
    assert len(paths) > 10


async def test_nginx_of_another_user_sends_the_objects(tightened: Tightened) -> None:
    port = urlsplit(tightened.site.base_url).port or 0
    content = make_noisy()
    async with tightened.site.client() as client:
        session = await client.upload(content)
        await client.wait_complete(session.image_id)
    with run_nginx_of_deploy(Around(port, tightened.data_dir / "objects", user_id=NOBODY)) as nginx:
        async with httpx.AsyncClient(base_url=nginx.url, timeout=LIMIT_S) as front:
            headers = {"X-API-Key": tightened.site.key}
            sent = await front.get(f"/images/{session.image_id}/blob", headers=headers)

    assert (sent.status_code, sha256_of(sent.content)) == (200, sha256_of(content))
