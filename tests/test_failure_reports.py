"""The report of a failed test has the logs of its processes; that of a hanging test has their stacks, too."""

import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT

FAILING = '''
import asyncio, subprocess, sys
from pathlib import Path
from tests.support import process_logs

CHILD = """
import asyncio, signal
signal.alarm(60)  # it must not outlive a test that is killed
async def wait_for_a_client():
    print("serving", flush=True)
    await asyncio.Event().wait()
asyncio.run(wait_for_a_client())
"""

def start(folder):
    log = folder / "child.log"
    process_logs.record("child", log)
    with log.open("ab") as file:
        subprocess.Popen([sys.executable, "-c", CHILD], stdout=file, stderr=file)
    while b"serving" not in log.read_bytes():
        pass

def test_that_fails(tmp_path):
    start(tmp_path)
    assert False

def test_that_hangs(tmp_path):
    start(tmp_path)
    asyncio.run(asyncio.Event().wait())
'''


def run_pytest(folder: Path, name: str) -> str:
    (folder / "test_inner.py").write_text(FAILING)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-n", "0"]
    options = ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), "--timeout", "5"]
    target = f"{folder / 'test_inner.py'}::{name}"
    done = subprocess.run([*command, *options, target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_a_failure_shows_what_its_processes_wrote(tmp_path: Path) -> None:
    output = run_pytest(tmp_path, "test_that_fails")

    assert "child (child.log)" in output
    assert "serving" in output


def test_a_hanging_test_ends_with_the_stacks_of_all_processes(tmp_path: Path) -> None:
    output = run_pytest(tmp_path, "test_that_hangs")

    assert "Timeout" in output
    assert "child (child.log)" in output
    assert "in wait_for_a_client" in output
