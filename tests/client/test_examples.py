"""Every file of examples/ does what it says, against a running site."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.support.browser import open_visit
from tests.support.paths import ROOT
from tests.support.pictures import make_jpeg
from tests.support.servers.node import NODE_PROJECT
from tests.support.site import Site
from tests.support.waiting import LIMIT_S

EXAMPLES = ROOT / "examples"

pytestmark = pytest.mark.parametrize("site", ["sqlite+directory"], indirect=True)


def run(command: list[str], site: Site) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"SAFELIGHT_URL": site.base_url, "SAFELIGHT_KEY": site.key}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def assert_all_became_ready(text: str) -> None:
    lines = [line.split() for line in text.splitlines()]
    urls = [[url for state, url in lines if state == wanted] for wanted in ("planned", "ready")]
    assert urls[0]
    # The original's address is a guess until the bytes are there.
    assert len(set(urls[0])) == len(set(urls[1])) == 7, text


def test_python_example_prints_every_variant(site: Site, tmp_path: Path) -> None:
    (tmp_path / "python.jpg").write_bytes(make_jpeg(640, 480))

    done = run([sys.executable, "-W", "error", str(EXAMPLES / "upload.py"), str(tmp_path / "python.jpg")], site)

    assert done.returncode == 0, done.stderr
    assert_all_became_ready(done.stdout)


def test_python_example_tells_a_refusal(site: Site, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_bytes(b"no picture")

    done = run([sys.executable, str(EXAMPLES / "upload.py"), str(tmp_path / "text.jpg")], site)

    assert (done.returncode, done.stderr) == (1, "This is no JPEG, PNG, GIF, WebP, AVIF or HEIC picture.\n")


def test_node_example_prints_every_variant(site: Site, tmp_path: Path, node: str) -> None:
    (tmp_path / "node.jpg").write_bytes(make_jpeg(641, 480))
    # Node looks for packages beside the script.
    script = shutil.copy(EXAMPLES / "upload.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(NODE_PROJECT / "node_modules")

    done = run([node, str(script), str(tmp_path / "node.jpg")], site)

    assert done.returncode == 0, done.stderr
    assert_all_became_ready(done.stdout)


def test_node_example_tells_a_refusal_and_how_it_is_used(site: Site, tmp_path: Path, node: str) -> None:
    (tmp_path / "text.jpg").write_bytes(b"no picture")
    script = shutil.copy(EXAMPLES / "upload.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(NODE_PROJECT / "node_modules")

    refused = run([node, str(script), str(tmp_path / "text.jpg")], site)
    absent = run([node, str(script), str(tmp_path / "absent.jpg")], site)
    without = run([node, str(script)], site)

    assert (refused.returncode, refused.stderr) == (1, "This is no JPEG, PNG, GIF, WebP, AVIF or HEIC picture.\n")
    assert absent.returncode == 1
    assert absent.stderr.startswith("ENOENT: no such file")
    assert absent.stderr.count("\n") == 1
    assert (without.returncode, without.stderr) == (2, "Usage: SAFELIGHT_KEY=sl_… node upload.mjs FILE\n")


async def test_page_shows_every_variant_becoming_ready(site: Site, tmp_path: Path, chromium: Browser) -> None:
    (tmp_path / "page.jpg").write_bytes(make_jpeg(642, 480))
    content = (EXAMPLES / "upload.html").read_text()
    async with open_visit(chromium) as visit:
        page = visit.page
        # As behind a proxy that stands before both: the page has the server's own address.
        await page.route("**/example.html", lambda route: route.fulfill(body=content, content_type="text/html"))
        await page.goto(f"{site.base_url}/example.html")

        await page.fill("#server", site.base_url)
        await page.fill("#key", site.key)
        await page.set_input_files("#files", tmp_path / "page.jpg")
        await page.get_by_text("Ready.").wait_for()

        assert await page.locator("li.ready").count() == 7

    assert (visit.foreign_requests, visit.complaints) == ([], [])
