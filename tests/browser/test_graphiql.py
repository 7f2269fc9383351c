"""The GraphiQL page in a real browser, before a toy schema: what the page itself must do."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.support.browser import Visit
from tests.support.graphiql_page import open_page, open_tab, run_operation, storage_text
from tests.support.graphiql_server import IMAGE_ID, KEY, TOKEN, toy_server

FULL = pytest.mark.full("a browser; the subscription beside it shows that the page works")


@FULL
async def test_page_opens_without_a_key_and_asks_nothing_of_the_internet(visit: Visit, picture_folder: Path) -> None:
    async with toy_server() as (address, seen):
        await open_page(visit.page, address)

        tabs = visit.page.get_by_role("tab")
        await expect(tabs).to_contain_text(["Hello", "OpenSession", "Watch", "Picture"])
        await visit.page.wait_for_load_state("networkidle")
        await visit.page.screenshot(path=picture_folder / "graphiql-toy-dark.png")
        assert visit.foreign_requests == []
        assert visit.complaints == []
        assert set(seen.authorization) == {None}


@FULL
async def test_key_goes_with_queries_and_is_kept_nowhere(visit: Visit) -> None:
    async with toy_server() as (address, seen):
        await open_page(visit.page, address)

        await visit.page.get_by_label("API key").fill(KEY)
        await open_tab(visit.page, "OpenSession")
        await run_operation(visit.page)

        await expect(visit.page.locator(".graphiql-response")).to_contain_text("errors")
        assert seen.authorization[-1] == f"Bearer {KEY}"
        stored = await storage_text(visit.page)
        assert "OpenSession" in stored
        assert KEY not in stored
        assert visit.foreign_requests == []


async def test_subscription_receives_its_events_with_the_key_in_connection_init(
    visit: Visit, picture_folder: Path
) -> None:
    await visit.page.emulate_media(color_scheme="light")
    async with toy_server() as (address, seen):
        await open_page(visit.page, address)
        await visit.page.get_by_label("API key").fill(KEY)
        await visit.page.get_by_label("Send a picture").set_input_files(
            {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"bytes"}
        )
        await expect(visit.page.locator(".bar output")).to_contain_text("201")

        await open_tab(visit.page, "Watch")
        await visit.page.locator(".graphiql-query-editor .view-lines").click()
        await visit.page.keyboard.press("ControlOrMeta+A")
        await visit.page.keyboard.insert_text(
            "subscription Watch($imageId: ID!) { stableVariants(imageId: $imageId) { revision complete } }"
        )
        await run_operation(visit.page)

        await expect(visit.page.locator(".graphiql-response")).to_contain_text('"revision": 2')
        await visit.page.screenshot(path=picture_folder / "graphiql-toy-light.png")
        assert seen.watched == [IMAGE_ID]
        assert seen.socket_params == [{"Authorization": f"Bearer {KEY}"}]
        assert seen.uploads == [(f"Bearer {TOKEN}", b"bytes")]
        assert TOKEN not in await storage_text(visit.page)
        assert visit.foreign_requests == []
        assert visit.complaints == []
