"""The servers of the tests: they answer, they come back, and they never outlive the tests."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis

from tests.support.paths import ROOT
from tests.support.servers.nginx import NginxServer
from tests.support.servers.postgres import PostgresServer
from tests.support.servers.redis import RedisServer
from tests.support.waiting import wait_until


async def test_redis_answers_and_is_empty(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0
        await client.set("left", "behind")


async def test_redis_is_empty_again_in_the_next_test(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0


async def test_private_redis_keeps_its_data_over_a_restart(private_redis: Callable[[], RedisServer]) -> None:
    server = private_redis()
    async with Redis.from_url(server.url) as client:
        await client.set("kept", "yes")

    server.restart()

    async with Redis.from_url(server.url) as client:
        assert await client.get("kept") == b"yes"
    server.flush()
    async with Redis.from_url(server.url) as client:
        assert await client.get("kept") is None


async def test_postgres_gives_an_empty_database_of_version_18(postgres_database: str) -> None:
    connection = await asyncpg.connect(postgres_database.replace("+asyncpg", ""))
    try:
        version = await connection.fetchval("SHOW server_version_num")
        tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    finally:
        await connection.close()

    assert int(version) // 10000 == 18
    assert tables == 0


def test_postgres_databases_are_made_from_a_template(postgres_server: PostgresServer) -> None:
    template = postgres_server.create_database()
    postgres_server.execute("CREATE TABLE notes (words text)", database=template)

    copy = postgres_server.create_database(template=template)

    assert postgres_server.execute("SELECT count(*) FROM notes", database=copy) == "0"
    postgres_server.drop_database(copy)
    postgres_server.drop_database(template)


def test_private_postgres_keeps_what_was_committed_over_a_crash(
    private_postgres: Callable[[], PostgresServer],
) -> None:
    server = private_postgres()
    name = server.create_database()
    server.execute("CREATE TABLE kept AS SELECT 7 AS number", database=name)

    server.kill()
    server.start()

    assert server.execute("SELECT number FROM kept", database=name) == "7"


def test_s3_gives_an_empty_bucket(s3_url: str) -> None:
    assert s3_url.startswith("s3://")
    assert s3_url.endswith("?secure=0&region=us-east-1")


def test_nginx_serves_what_the_test_wants(private_nginx: Callable[[str], NginxServer]) -> None:
    nginx = private_nginx("location / { return 200 hello; }")

    assert httpx.get(nginx.url).text == "hello"


@pytest.mark.skipif(shutil.which("ps") is None, reason="no ps to look for processes with")
def test_no_server_and_no_file_outlives_tests_that_are_killed() -> None:
    script = """
import os, signal
from tests.support.servers.redis import run_redis
with run_redis() as server:
    print(server._program.pid, server.url, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    # The path of pytest's own folder grows with its number, and a socket's may have 107 bytes.
    with tempfile.TemporaryDirectory() as folder:
        killed = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={"TMPDIR": folder, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        pid = int(killed.stdout.split()[0])

        wait_until(lambda: not _is_alive(pid), "the end of Redis")
        wait_until(lambda: not any(Path(folder).iterdir()), "an empty folder")


def _is_alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")
