"""A database and a store that do not belong together: nothing starts, nothing is deleted, and the remedy is named."""

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from tests.support.client import Client
from tests.support.fault_sites import MakeSite
from tests.support.load import assert_served, send_patiently, wait_complete
from tests.support.pictures import make_jpeg
from tests.support.site import Site, run_site
from tests.support.waiting import LIMIT_S, eventually

FULL = pytest.mark.full("further ways not to belong together; `make test` has three")
MARKER = "safelight-instance"


def run(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )


def with_new_database(site: Site) -> dict[str, str]:
    other = {**site.environment, "SAFELIGHT_DATABASE_URL": f"sqlite+aiosqlite:///{site.data_dir}/other.db"}
    assert run(other, "migrate").returncode == 0
    return other


def assert_refused(environment: dict[str, str], *words: str) -> None:
    for command in ("worker", "api"):
        ended = run(environment, command)
        assert ended.returncode != 0
        for word in (*words, "safelight adopt"):
            assert word in ended.stderr, ended.stderr


def files_of(site: Site) -> set[Path]:
    return {path for path in (site.data_dir / "objects").rglob("*") if path.is_file()}


async def filled(site: Site, count: int = 2) -> list[object]:
    async with site.client() as client:
        sent = [await send_patiently(client, make_jpeg(200 + 10 * number, 150)) for number in range(count)]
        await wait_complete(client, sent)
        return list(sent)


async def test_a_new_database_beside_a_full_store_starts_nothing_until_it_is_adopted(make_site: MakeSite) -> None:
    site = make_site().site
    await filled(site)
    other = with_new_database(site)

    assert_refused(other, "The database belongs to the instance", "the store to the instance")

    adopted = run(other, "adopt")
    assert adopted.returncode == 0, adopted.stderr
    assert run(other, "audit").returncode in {0, 1}
    assert_refused(site.environment, "The database belongs to the instance")


async def test_a_full_store_without_a_marker_and_a_database_without_images(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    await filled(site)
    (site.data_dir / "objects" / MARKER).unlink()
    before = files_of(site)

    assert_refused(with_new_database(site), "The store has images, and the database", "has none")

    assert files_of(site) == before
    # Its own database is known by the objects, as that of an older release is.
    assert run(site.environment, "audit", "--repair").returncode == 0
    assert (site.data_dir / "objects" / MARKER).exists()


@FULL
async def test_an_empty_store_beside_a_full_database_starts_nothing(make_plain_site: MakeSite, tmp_path: Path) -> None:
    site = make_plain_site().site
    await filled(site)
    data_dir = tmp_path / "elsewhere"
    data_dir.mkdir()
    other = {
        **site.environment,
        "SAFELIGHT_DATA_DIR": str(data_dir),
        "SAFELIGHT_DATABASE_URL": f"sqlite+aiosqlite:///{site.data_dir}/safelight.db",
    }

    assert_refused(other, "the store is empty")


@FULL
async def test_a_worker_that_loses_its_marker_deletes_nothing(make_plain_site: MakeSite) -> None:
    site = make_plain_site(environment={"SAFELIGHT_SWEEP_EVERY_S": "0.5"}).site
    sent = await filled(site)
    marker = site.data_dir / "objects" / MARKER
    content = marker.read_bytes()
    for told in (None, {"instance": "00000000-0000-4000-8000-000000000000", "sweeps": 0}, "ahead", "nonsense"):
        if told is None:
            marker.unlink()
        elif told == "ahead":
            marker.write_text(json.dumps({**json.loads(content), "sweeps": 10_000}))
        else:
            marker.write_text(json.dumps(told))

        repair = run(site.environment, "audit", "--repair", "--orphans", "--at-once")

        if told is not None:
            assert repair.returncode == 1 or "safelight adopt" in repair.stderr, repair.stderr
            assert "safelight adopt" in repair.stderr
    async with site.client() as client:
        await assert_served(client, sent)  # type: ignore[arg-type]  # what `filled` sent


async def test_an_older_copy_of_the_database_sweeps_nothing_until_it_is_adopted(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    await filled(site)
    for program in site.programs:
        program.stop()
    copy = site.data_dir / "copy.db"
    shutil.copy(site.data_dir / "safelight.db", copy)
    assert run(site.environment, "audit", "--repair").returncode == 0
    older = {**site.environment, "SAFELIGHT_DATABASE_URL": f"sqlite+aiosqlite:///{copy}"}

    refused = run(older, "audit", "--repair")
    assert refused.returncode == 1
    assert "older copy" in refused.stderr
    assert run(older, "adopt").returncode == 0
    assert run(older, "audit", "--repair").returncode == 0


@FULL
async def test_a_copy_gets_an_id_of_its_own(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    await filled(site, 1)
    marker = site.data_dir / "objects" / MARKER
    before = json.loads(marker.read_text())["instance"]
    for program in site.programs:
        program.stop()

    adopted = run(site.environment, "adopt", "--new-id")

    assert adopted.returncode == 0
    assert json.loads(marker.read_text())["instance"] != before
    for program in site.programs:
        program.start()
    async with site.client() as client:

        async def is_alive() -> bool:
            return (await client.http.get("/readyz")).status_code == 200

        await eventually(is_alive, ignoring=(httpx.TransportError,))


async def test_two_servers_on_one_redis_do_not_take_each_others_jobs(make_plain_site: MakeSite, tmp_path: Path) -> None:
    first = make_plain_site()
    redis_url = first.redis.url
    second = run_site(tmp_path / "second", redis_url=redis_url)
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        with second as other:
            first.site.workers[0].stop()
            async with first.site.client() as client, other.client() as neighbour:
                waiting = await client.open_session(len(content := make_jpeg(210, 150)))
                sending = asyncio.create_task(client.send(waiting, content))
                await eventually(lambda: _has_job(redis, waiting.image_id))
                for number in range(3):
                    taken = await neighbour.upload(make_jpeg(300 + number, 200))
                    await neighbour.wait_complete(taken.image_id)

                # The neighbour's worker has looked at its own queue alone, and is no worker of this server.
                assert await _has_job(redis, waiting.image_id)
                await eventually(lambda: _lacks_worker(client))
                assert (await neighbour.http.get("/readyz")).status_code == 200
                first.site.workers[0].start()
                assert (await sending).status_code == 201
                await client.wait_complete(waiting.image_id)


async def _has_job(redis: Redis, image_id: str) -> bool:
    queues = [key async for key in redis.scan_iter("safelight:*:render")]
    jobs = [job for queue in queues for job in await redis.zrange(queue, 0, -1)]
    return any(image_id in str(job) for job in jobs)


async def _lacks_worker(client: Client) -> bool:
    return bool((await client.http.get("/readyz")).json()["checks"]["worker"] != "ok")
