"""The page of an image in Chromium: sharp at once where it is made, live where it is not, whole without a script."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browser import Visit, open_visit
from tests.support.client import Client, OpenSession
from tests.support.pictures import make_jpeg, make_png
from tests.support.servers.redis import run_redis
from tests.support.site import Site, run_site

FULL = pytest.mark.full("a browser; the page that turns sharp is in the first tier")
PAGE = "query ($id: ID!) { image(id: $id) { viewUrl embed { bbcode } } }"
HOSTILE = '"><script>document.title = "taken over"</script><img src=x onerror=alert(1)>'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with run_redis() as redis, run_site(tmp_path_factory.mktemp("view"), redis_url=redis.url) as running:
        yield running


@asynccontextmanager
async def without_workers(site: Site) -> AsyncIterator[None]:
    """While nothing is made; whatever waits is made afterwards."""
    for program in site.workers:
        program.stop()
    try:
        yield
    finally:
        for program in site.workers:
            if not program.is_running:
                program.start()


async def address_of(client: Client, session: OpenSession) -> str:
    return client.base_url + str((await client.ask(PAGE, id=session.image_id))["image"]["viewUrl"])


async def shown_width(page: Page) -> int:
    """How many pixels wide the picture is that the browser chose; 0 where it shows none."""
    # Its naturalWidth says how wide it is meant to be shown.
    script = """async () => {
      const source = document.querySelector('.frame picture img')?.currentSrc;
      return source ? (await createImageBitmap(await (await fetch(source)).blob())).width : 0;
    }"""
    return int(await page.evaluate(script))


async def until_shown(page: Page) -> int:
    """The same, once there is one."""
    image = "document.querySelector('.frame picture img')"
    await page.wait_for_function(f"{image}?.complete && {image}.naturalWidth > 0")
    return await shown_width(page)


def assert_clean(visit: Visit) -> None:
    assert visit.foreign_requests == []
    assert visit.complaints == []


@FULL
@pytest.mark.parametrize(("scheme", "width"), [("light", 1360), ("dark", 1360), ("light", 390), ("dark", 390)])
async def test_a_picture_that_is_made_is_sharp_whatever_the_screen(
    site: Site, chromium: Browser, picture_folder: Path, scheme: str, width: int
) -> None:
    async with site.client() as client:
        session = await client.upload(make_jpeg(1600, 1066), title="Sea", description="Calm.", alt="The sea at dusk")
        await client.wait_complete(session.image_id)
        address = await address_of(client, session)
    viewport = {"width": width, "height": 860}
    async with open_visit(chromium, color_scheme=scheme, viewport=viewport) as visit:
        await visit.page.goto(address)
        pixels = await until_shown(visit.page)
        shown = await visit.page.locator(".frame").bounding_box()
        scrolls = await visit.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        await visit.page.screenshot(path=picture_folder / f"view-{scheme}-{width}.png")

    assert shown is not None
    assert pixels >= shown["width"]
    assert shown["width"] / shown["height"] == pytest.approx(1600 / 1066, rel=0.01)
    assert scrolls is False
    assert_clean(visit)


async def test_the_page_turns_sharp_while_the_upload_is_rendered(
    site: Site, chromium: Browser, picture_folder: Path
) -> None:
    content = make_jpeg(1602, 1066)
    async with site.client() as client, without_workers(site):
        session = await client.open_session(len(content), title="On its way")
        assert (await client.send(session, content)).status_code == 201
        address = await address_of(client, session)
        async with open_visit(chromium) as visit:
            page = visit.page
            await page.goto(address)
            await expect(page.locator(".status")).to_have_text("Developing: 0 of 7")
            before = await shown_width(page)
            await page.screenshot(path=picture_folder / "view-coming.png")
            await page.evaluate("window.isTheSamePage = true")

            for program in site.workers:
                program.start()
            await page.wait_for_selector('#sheet[data-live="done"]')
            pixels = await until_shown(page)
            is_same = await page.evaluate("window.isTheSamePage === true")
            veil = await page.locator(".frame > .veil").first.get_attribute("src")
            await expect(page.locator(".status")).to_have_count(0)

    assert before == 0
    assert pixels >= 1024
    assert is_same
    assert (veil or "").startswith("data:image/png;base64,")
    assert_clean(visit)


@FULL
async def test_a_signed_page_of_a_private_picture_turns_sharp_too(site: Site, chromium: Browser) -> None:
    content = make_jpeg(1604, 1066)
    async with site.client() as client, without_workers(site):
        session = await client.open_session(len(content), visibility="PRIVATE")
        assert (await client.send(session, content)).status_code == 201
        bbcode = (await client.ask(PAGE, id=session.image_id))["image"]["embed"]["bbcode"]
        async with open_visit(chromium) as visit:
            await visit.page.goto(bbcode.removeprefix("[url=").partition("]")[0])
            await expect(visit.page.locator(".status")).to_have_text("Developing: 0 of 7")

            for program in site.workers:
                program.start()
            await visit.page.wait_for_selector('#sheet[data-live="done"]')
            pixels = await until_shown(visit.page)
            sources = await visit.page.locator(".frame source").evaluate_all("all => all.map(each => each.srcset)")

    assert pixels >= 1024
    assert all("sig=" in candidate for source in sources for candidate in source.split(", "))
    assert_clean(visit)


@FULL
async def test_without_a_script_the_page_is_whole(site: Site, chromium: Browser) -> None:
    async with site.client() as client:
        session = await client.upload(make_jpeg(1606, 1066), title="Sea")
        await client.wait_complete(session.image_id)
        address = await address_of(client, session)
    async with open_visit(chromium, java_script_enabled=False) as visit:
        await visit.page.goto(address)
        await expect(visit.page.get_by_role("heading", name="Sea")).to_be_visible()
        await expect(visit.page.locator(".frame picture img")).to_be_visible()
        await visit.page.get_by_text("Share").click()
        await expect(visit.page.get_by_label("Markdown")).to_be_visible()
        await expect(visit.page.get_by_role("button", name="Copy")).to_have_count(0)

    assert_clean(visit)


@FULL
async def test_the_keyboard_reaches_everything_and_what_it_is_on_can_be_seen(site: Site, chromium: Browser) -> None:
    async with site.client() as client:
        session = await client.upload(make_jpeg(1608, 1066), alt="The sea at dusk")
        await client.wait_complete(session.image_id)
        address = await address_of(client, session)
    reached = []
    async with open_visit(chromium) as visit:
        await visit.page.goto(address)
        await until_shown(visit.page)
        for _ in range(4):
            await visit.page.keyboard.press("Tab")
            focused = visit.page.locator(":focus")
            reached.append(await focused.get_attribute("class") or await focused.inner_text())
            assert await focused.evaluate("each => getComputedStyle(each).outlineStyle") == "solid"
        await visit.page.keyboard.press("Enter")
        await expect(visit.page.get_by_label("HTML")).to_be_visible()
        await expect(visit.page.get_by_role("img", name="The sea at dusk")).to_be_visible()

    assert reached == ["open", "Full size", "Download", "Share"]


@FULL
async def test_whatever_people_wrote_is_text(site: Site, chromium: Browser) -> None:
    words = dict.fromkeys(("title", "alt", "description"), HOSTILE)
    async with site.client() as client:
        session = await client.upload(make_jpeg(1610, 1066), filename="a<b>.jpg", **words)
        await client.wait_complete(session.image_id)
        address = await address_of(client, session)
    async with open_visit(chromium) as visit:
        await visit.page.goto(address)
        await until_shown(visit.page)
        title, heading = await visit.page.title(), await visit.page.locator("h1").inner_text()
        alt = await visit.page.locator(".frame picture img").get_attribute("alt")

    assert (title, heading, alt) == (f"{HOSTILE} · Safelight", HOSTILE, HOSTILE)
    assert_clean(visit)


@FULL
async def test_what_is_not_safe_for_work_is_shown_on_demand(site: Site, chromium: Browser) -> None:
    async with site.client() as client:
        session = await client.upload(make_jpeg(1612, 1066), isNsfw=True)
        await client.wait_complete(session.image_id)
        address = await address_of(client, session)
    read = "each => getComputedStyle(each).filter"
    async with open_visit(chromium, java_script_enabled=False) as visit:
        await visit.page.goto(address)
        picture = visit.page.locator(".frame picture img")
        hidden = await picture.evaluate(read)
        await visit.page.get_by_text("Show it").click()
        await expect(picture).to_have_css("filter", "none")

    assert "blur" in hidden


@FULL
async def test_a_transparent_picture_has_nothing_behind_it(site: Site, chromium: Browser) -> None:
    async with site.client() as client:
        session = await client.upload(make_png(400, 300, alpha=True))
        await client.wait_complete(session.image_id)
        address = await address_of(client, session)
    async with open_visit(chromium) as visit:
        await visit.page.goto(address)
        pixels = await until_shown(visit.page)
        await expect(visit.page.locator(".veil")).to_have_count(0)

    assert pixels == 400
    assert_clean(visit)


@FULL
async def test_where_a_size_cannot_be_had_the_original_is_shown(site: Site, chromium: Browser) -> None:
    async with site.client() as client:
        session = await client.upload(make_jpeg(1614, 1066))
        await client.wait_complete(session.image_id)
        address = await address_of(client, session)
    async with open_visit(chromium) as visit:
        await visit.page.route("**/cdn/i/**", lambda route: asyncio.ensure_future(route.fulfill(status=503)))
        await visit.page.goto(address)
        await expect(visit.page.locator(".frame source")).to_have_count(0)

        assert await until_shown(visit.page) == 1614
