"""200 images, and a `kill -9` in the middle: all there, once, with all that the old system knew of them."""

import asyncio
import signal
from pathlib import Path

import httpx
import pytest

from tests.support.import_accounts import Image, Two, bytes_of, furnish, images_of
from tests.support.import_runner import Mover
from tests.support.residents import Person, Residents
from tests.support.waiting import LIMIT_S

COUNT = 200
OPTIONS = {
    "cloudflare": ("--account", "any"),
    "pixelflare": (),
    "pixelfox": ("--ids", "ids.txt"),
    "slink": (),
}
CARRIED = {
    "cloudflare": ("filename", "creator", "metadata", "customId", "visibility"),
    "pixelflare": ("filename", "alt", "tags", "album", "visibility"),
    "pixelfox": ("isNsfw", "visibility"),
    "slink": ("description", "visibility"),
}


@pytest.fixture(scope="module")
def old_person(two: Two) -> Person:
    """An account with 200 images."""
    return asyncio.run(furnish(two.old, count=COUNT))


@pytest.mark.full("200 images a system; `make test` interrupts an import of a few")
@pytest.mark.parametrize("system", list(OPTIONS))
def test_killed_import_goes_on_and_makes_nothing_twice(
    two: Two, old_person: Person, system: str, tmp_path: Path
) -> None:
    before = asyncio.run(images_of(two.old, old_person))
    (tmp_path / "ids.txt").write_text("".join(f"{image['id']}\n" for image in before))
    new_person = asyncio.run(two.new.add())
    mover = Mover(
        two.old.site.base_url,
        old_person.key,
        two.new.site,
        new_person.key,
        tmp_path,
        system,
        *OPTIONS[system],
        "--original-only",
    )

    statuses = [mover.run_until(moved, "--parallel", "8", end=signal.SIGKILL) for moved in (30, 40)]
    end = mover.finish()
    again = mover.finish()

    assert statuses == [-signal.SIGKILL, -signal.SIGKILL]
    assert end["moved"] + end["there"] == end["listed"] == COUNT
    assert end["there"] >= 70
    assert (again["moved"], again["there"]) == (0, COUNT)
    after = {image["id"]: image for image in asyncio.run(images_of(two.new, new_person))}
    assert len(after) == COUNT
    pairs = pair(system, before, mover, after)
    check_facts(system, pairs)
    check_bytes(pairs)
    asyncio.run(check_downloads(two.new, new_person, pairs[:: COUNT // 10]))
    asyncio.run(check_addresses(mover, new_person))


async def check_downloads(residents: Residents, person: Person, pairs: list[tuple[Image, Image]]) -> None:
    async with residents.client(person) as client:
        for old, new in pairs:
            assert await bytes_of(client, new["id"]) == old["sha256"]


def pair(system: str, before: list[Image], mover: Mover, after: dict[str, Image]) -> list[tuple[Image, Image]]:
    """Each old image with its new one, as the mapping has them."""
    new_ids = {row["old_id"]: row["new_id"] for row in mover.rows()}
    assert set(new_ids) == {name_of(system, old) for old in before}
    assert set(new_ids.values()) == set(after)
    return [(old, after[new_ids[name_of(system, old)]]) for old in before]


def name_of(system: str, image: Image) -> str:
    """Its name in the old system."""
    names = {"cloudflare": image["customId"] or image["id"], "pixelflare": image["shortId"]}
    return str(names.get(system, image["id"]))


def check_facts(system: str, pairs: list[tuple[Image, Image]]) -> None:
    for old, new in pairs:
        assert {name: new[name] for name in CARRIED[system]} == {name: old[name] for name in CARRIED[system]}


def check_bytes(pairs: list[tuple[Image, Image]]) -> None:
    assert [new["sha256"] for _, new in pairs] == [old["sha256"] for old, _ in pairs]


async def check_addresses(mover: Mover, person: Person) -> None:
    """Every new address leads to a picture or a page, for the owner at least."""
    headers = {"Authorization": f"Bearer {person.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=LIMIT_S, follow_redirects=True) as http:
        for row in mover.rows()[:40]:
            answer = await http.get(row["new_url"])
            assert answer.status_code == 200, (row, answer.text)
