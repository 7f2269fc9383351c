"""docs/from-polling.md: each system's loop and the subscription that replaces it end alike, run as they are printed."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.support.accounts_fixture import People
from tests.support.documented_scripts import run_script
from tests.support.paths import ROOT
from tests.support.pictures import make_jpeg

PRELUDE = """import { watch } from "./watch.mjs";
const [base, key, uuid, shortId] = process.argv.slice(2);
const done = (isGood) => console.log(isGood ? "ready" : "failed");
"""
SHORT_ID = "query ($id: ID!) { image(id: $id) { shortId } }"


def printed_modules() -> dict[str, str]:
    """The page's blocks of code by the names in their first lines."""
    page = (ROOT / "docs" / "from-polling.md").read_text(encoding="utf-8")
    return dict(re.findall(r"```js\n// (\S+\.mjs)\n(.*?)```", page, re.DOTALL))


def test_the_page_shows_both_ways_for_each_of_the_four() -> None:
    systems = ("pixelfox", "pixelflare", "cloudflare", "slink")

    assert set(printed_modules()) == {"watch.mjs"} | {
        f"{s}-{when}.mjs" for s in systems for when in ("before", "after")
    }


_MORE = pytest.mark.full("two Nodes for each system; make test runs one")


@pytest.mark.parametrize(
    "system", ["pixelfox", *(pytest.param(name, marks=_MORE) for name in ("pixelflare", "cloudflare", "slink"))]
)
async def test_a_loop_and_the_subscription_in_its_place_end_alike(people: People, tmp_path: Path, system: str) -> None:
    for name, code in printed_modules().items():
        (tmp_path / name).write_text(code if name == "watch.mjs" else PRELUDE + code, encoding="utf-8")
    content = make_jpeg(700, 211)
    async with people.client(await people.add()) as client:
        session = await client.open_session(len(content))
        short_id = (await client.ask(SHORT_ID, id=session.image_id))["image"]["shortId"]
        arguments = (client.base_url, client.key or "", session.image_id, short_id)

        loops = [
            asyncio.create_task(run_script("node", f"{system}-{when}.mjs", *arguments, cwd=tmp_path))
            for when in ("before", "after")
        ]
        await client.send(session, content)
        printed = await asyncio.gather(*loops)

    assert printed == ["ready\n", "ready\n"]
