"""What a person does on the GraphiQL page."""

from playwright.async_api import Page, expect


async def open_page(page: Page, address: str) -> None:
    await page.goto(f"{address}/graphql")
    await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("API key")


async def open_tab(page: Page, name: str) -> None:
    await page.get_by_role("tab", name=name).click()


async def run_operation(page: Page) -> None:
    await page.locator(".graphiql-execute-button").click()


async def storage_text(page: Page) -> str:
    return str(await page.evaluate("JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})"))
