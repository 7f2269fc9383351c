"""`safelight audit`, run as an operator runs it."""

import json
import subprocess
import sys
from typing import Any

from tests.support.site import Site
from tests.support.waiting import LIMIT_S, wait_until

Json = dict[str, Any]  # Any: what the command printed, looked into key by key
CLEAN = {"I1": 0, "I2": 0, "I3": 0, "I4": 0, "I6": 0, "I7": 0}


def run_audit(site: Site, *options: str) -> Json:
    """Its findings; its exit status is what they say."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "audit", "--json", *options],
        env=site.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    assert done.returncode in {0, 1}, done.stderr
    assert done.stdout, done.stderr
    report: Json = json.loads(done.stdout)
    assert done.returncode == (0 if report["clean"] else 1)
    return report


def assert_clean(site: Site) -> None:
    """Nothing is lost, left or stuck, of whatever age, and no temporary file is there: at once or after the sweep."""
    last: list[Json] = []

    def is_clean() -> bool:
        last[:] = [run_audit(site, "--at-once")]
        return last[0]["broken"] == CLEAN and not temporary_files(site)

    wait_until(is_clean, lambda: f"{last} {temporary_files(site)}")


def temporary_files(site: Site) -> list[str]:
    """What lies in the scratch folder and, half written, in the store."""
    folders = (site.data_dir / "tmp", site.data_dir / "objects" / ".incoming")
    found = [path for folder in folders if folder.exists() for path in folder.rglob("*") if path.is_file()]
    # The lock of a cage that is in use.
    return [str(path) for path in found if path.name != "lock"]
