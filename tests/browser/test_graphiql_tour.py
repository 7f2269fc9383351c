"""The example tabs, run as they are, one after the other, against the real server."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.support.browser import Visit
from tests.support.client import Client
from tests.support.command_runner import started
from tests.support.graphiql_page import open_page, open_tab, run_operation, storage_text
from tests.support.paths import ROOT
from tests.support.pictures import make_jpeg

pytestmark = pytest.mark.full("a browser and a start of everything; test_graphiql is in the first tier")


@pytest.fixture
def server(tmp_path: Path, free_port: int) -> Iterator[tuple[str, str]]:
    """Its address and the first account's key."""
    settings = {"SAFELIGHT_DATA_DIR": str(tmp_path / "data"), "SAFELIGHT_PORT": str(free_port), "PYTHONPATH": str(ROOT)}
    with started([sys.executable, "-m", "app", "run"], settings, tmp_path) as running:
        key = running.read_until(r"^sl_\S{32,}$")
        running.read_until("Stop")
        yield f"http://127.0.0.1:{free_port}", key


async def test_the_newest_image_without_a_key_is_told_in_one_sentence(visit: Visit, server: tuple[str, str]) -> None:
    page = visit.page
    await open_page(page, server[0])

    for tab in ("Watch", "Picture"):
        await open_tab(page, tab)
        await run_operation(page)
        await expect(page.locator(".graphiql-response")).to_contain_text("Paste your key at the top right")
        await expect(page.locator(".graphiql-response")).not_to_contain_text("stack")


async def test_tour_of_the_tabs_ends_with_a_picture_that_is_ready(
    visit: Visit, server: tuple[str, str], picture_folder: Path
) -> None:
    (address, key), page = server, visit.page
    response = page.locator(".graphiql-response")
    await open_page(page, address)
    await page.get_by_label("API key").fill(key)

    await run_operation(page)
    await expect(response).to_contain_text('"username": "admin"')
    await open_tab(page, "OpenSession")
    await run_operation(page)
    await expect(response).to_contain_text('"uploadUrl"')
    await open_tab(page, "Watch")
    await run_operation(page)
    await expect(response).to_contain_text('"complete": false')
    await page.get_by_label("Send a picture").set_input_files(
        {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": make_jpeg(1200, 900)}
    )
    await expect(response).to_contain_text('"complete": true')
    await page.screenshot(path=picture_folder / "graphiql-watch.png")
    await open_tab(page, "Picture")
    await run_operation(page)
    await expect(response).to_contain_text('"state": "READY"')
    await page.screenshot(path=picture_folder / "graphiql-picture.png")
    await open_tab(page, "Library")
    await run_operation(page)
    async with Client(address, key) as another:
        await another.upload(make_jpeg(300, 200))
    await expect(response).to_contain_text('"kind": "VARIANTS_CHANGED"')
    await page.screenshot(path=picture_folder / "graphiql-library.png")

    stored = await storage_text(page)
    assert key not in stored
    assert "slu_" not in stored
    assert visit.foreign_requests == []
    assert visit.complaints == []
