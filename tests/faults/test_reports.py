"""An operator reads in the log why something does not answer, with the other side's own code."""

import json
import logging

import pytest

from app import foreign_errors
from app.client.problems import problem_of_status
from app.db.engine import Database
from app.errors import Unavailable
from app.foreign_errors import _Causes
from tests.support.fault_sites import MakeSite
from tests.support.pictures import make_jpeg
from tests.support.servers.ports import find_free_port
from tests.support.waiting import eventually


async def test_a_redis_that_is_away_is_reported(make_plain_site: MakeSite) -> None:
    broken = make_plain_site()
    site = broken.site
    async with site.client() as client:
        session = await client.open_session(len(content := make_jpeg(300, 200)))
        broken.redis.kill()

        await client.send(session, content)

        await eventually(lambda: _has_reported(site.apis[0].log, "redis"))
        broken.redis.start()


async def test_a_database_that_is_away_is_reported_with_its_code(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_errors, "_causes", _Causes())
    database = Database(f"postgresql+asyncpg://nobody:x@127.0.0.1:{find_free_port()}/none")

    with caplog.at_level(logging.WARNING), pytest.raises(Unavailable):
        await database.check()

    (line,) = [record for record in caplog.records if record.message == "foreign_error"]
    assert vars(line)["part"] == "database"
    assert vars(line)["code"]
    assert "refused" in vars(line)["reason"].lower() or "connect" in vars(line)["reason"].lower()
    await database.close()


def test_a_proxy_that_refuses_large_files_is_no_riddle() -> None:
    problem = problem_of_status(413, "https://images.example.org/upload/x")

    assert problem.code == "FILE_TOO_LARGE"
    assert "client_max_body_size" in problem.message


def _has_reported(log: str, part: str) -> bool:
    lines = (json.loads(line) for line in log.splitlines() if line.startswith("{"))
    return any(line["event"] == "foreign_error" and line["part"] == part and line["code"] for line in lines)
