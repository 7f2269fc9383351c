"""A database that does not belong to the store deletes nothing of it: not by the sweep, not by a repair."""

import subprocess
import sys

from tests.support.fault_sites import MakeSite
from tests.support.load import assert_served, send_patiently, wait_complete
from tests.support.pictures import make_jpeg
from tests.support.waiting import LIMIT_S


async def test_a_repair_with_a_new_database_keeps_a_full_store(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    async with site.client() as client:
        sent = [await send_patiently(client, make_jpeg(200 + number, 150)) for number in range(2)]
        await wait_complete(client, sent)
        other = {**site.environment, "SAFELIGHT_DATABASE_URL": f"sqlite+aiosqlite:///{site.data_dir}/other.db"}
        assert _run(other, "migrate").returncode == 0

        assert "safelight adopt" in _run(other, "audit", "--repair", "--orphans", "--at-once").stderr
        await assert_served(client, sent)
        # Adopted by mistake, there are still too many objects without a row.
        assert _run(other, "adopt").returncode == 0
        repair = _run(other, "audit", "--repair", "--at-once")

        assert repair.returncode == 1
        assert "SAFELIGHT_DATABASE_URL and SAFELIGHT_STORE_URL belong together" in repair.stderr
        await assert_served(client, sent)

        wanted = _run(other, "audit", "--repair", "--orphans", "--at-once", "--json")

        assert '"repaired": {"I1": 0, "I2": 0' in wanted.stdout
        files = [path for path in (site.data_dir / "objects").rglob("*") if path.is_file()]
        assert [path.name for path in files if "trash" not in path.parts] == ["safelight-instance"]
        assert len(files) > len(sent)


def _run(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
