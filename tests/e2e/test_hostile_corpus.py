"""The hostile corpus through the real upload endpoint: each file ends as its manifest says, and that is all."""

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from PIL import Image

from app.domain.formats import sniff
from tests.support.client import Client, OpenSession
from tests.support.graphql_client import Json
from tests.support.pictures import make_jpeg
from tests.support.site import Site
from tests.support.site_logs import faults_of, jobs_left, uploads_left
from tests.support.waiting import eventually

ELSEWHERE = {"graphql", "http", "cdn", "ssrf", "filenames"}
REJECTIONS = {
    "REJECT_TYPE": {"INVALID_FILE_TYPE"},
    "REJECT_LIMIT": {"IMAGE_TOO_LARGE", "FILE_TOO_LARGE"},
    "REJECT_CORRUPT": {"INVALID_IMAGE", "INVALID_FILE_TYPE", "IMAGE_TOO_LARGE"},
}
MUST_BE_TAKEN = {"ACCEPT", "ACCEPT_SANITISE", "ACCEPT_IF_HEIC_ALLOWED"}
SANITISED = {"ACCEPT_SANITISE", "SANITISE_OR_REJECT"}
CANARIES = (b"CANARY", b"<?php", b"<script", b"PK\x03\x04", b"http://ns.adobe.com/xap", b"xmpmeta")
AT_ONCE = 6


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    kind: str
    path: Path
    expected: str


@dataclass(frozen=True, slots=True)
class Outcome:
    status: int
    code: str | None
    last: Json | None

    @property
    def is_ready(self) -> bool:
        return self.last is not None and self.last["image"]["state"] == "READY"


def read_manifest(corpus: Path) -> list[Case]:
    lines = (corpus / "hostile" / "MANIFEST.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines if line.startswith("hostile/")]
    return [Case(row[0], row[2], corpus / row[0], row[3]) for row in rows if row[2].split("/")[0] not in ELSEWHERE]


def one_of_each(cases: list[Case]) -> list[Case]:
    """The shortest file of each kind and expected end."""
    by_size = sorted(cases, key=lambda case: case.path.stat().st_size, reverse=True)
    return list({(case.kind, case.expected): case for case in by_size}.values())


@pytest.mark.parametrize(
    "select",
    [
        one_of_each,
        pytest.param(
            list,
            marks=[pytest.mark.full("700 files; one of each kind is in the first tier"), pytest.mark.timeout(1200)],
        ),
    ],
)
async def test_every_file_ends_as_its_manifest_says(
    site: Site, corpus: Path, select: Callable[[list[Case]], list[Case]]
) -> None:
    cases = select(read_manifest(corpus))
    slots = asyncio.Semaphore(AT_ONCE)
    surprises: list[str] = []

    async with site.client() as client:
        good = make_jpeg(333, 222)

        async def run(case: Case) -> None:
            async with slots:
                outcome = await send_and_watch(client, case)
                surprises.extend(await judge(client, case, outcome))

        await asyncio.gather(*map(run, cases))
        session = await client.upload(good)
        after = await client.wait_complete(session.image_id)

    assert surprises == []
    assert after["image"]["state"] == "READY"
    assert uploads_left(site) == []
    await eventually(lambda: jobs_left(site) == [])
    assert not list(Path("/tmp").glob("HOSTILE_CANARY_*"))
    assert [
        program.name for program in site.programs if program.process is None or program.process.poll() is not None
    ] == []
    assert faults_of(site) == []


async def send_and_watch(client: Client, case: Case) -> Outcome:
    content = case.path.read_bytes()
    session = await client.open_session(max(1, len(content)), filename=case.path.name)
    response = await client.send(session, content)
    last = None
    if response.status_code in {200, 201}:
        last = await client.wait_complete(session.image_id)
    else:
        await check_nothing_is_there(client, session)
    code = None if last is not None else str(response.json()["code"])
    return Outcome(response.status_code, code, last)


async def check_nothing_is_there(client: Client, session: OpenSession) -> None:
    listed = await client.ask("query ($id: ID!) { image(id: $id) { state sha256 } }", id=session.image_id)
    assert listed["image"] == {"state": "AWAITING_UPLOAD", "sha256": None}


async def judge(client: Client, case: Case, outcome: Outcome) -> list[str]:
    """What is wrong with how a file ended."""
    told = f"{case.name}: {case.expected}, got {outcome.status} {outcome.code}"
    wrong = []
    if outcome.status >= 500:
        wrong.append(f"{told}: a fault")
    if case.expected in MUST_BE_TAKEN and not outcome.is_ready:
        wrong.append(f"{told}: not READY")
    if case.expected == "REJECT_TYPE" and outcome.code not in REJECTIONS["REJECT_TYPE"]:
        wrong.append(told)
    if case.expected in {"REJECT_LIMIT", "REJECT_CORRUPT"} and outcome.is_ready:
        wrong.append(f"{told}: READY")
    if outcome.code is not None and outcome.code not in set().union(*REJECTIONS.values()):
        wrong.append(f"{told}: odd code")
    if outcome.last is not None:
        wrong += [f"{told}: {problem}" for problem in await look_at(client, case, outcome.last)]
    return wrong


async def look_at(client: Client, case: Case, last: Json) -> list[str]:
    """What is wrong with the files that were made."""
    problems = []
    for variant in last["stableVariants"]:
        name = f"{variant['family']}/{variant['size']}"
        served = await client.http.get(variant["url"])
        if not variant["ready"]:
            if served.status_code != 502:
                problems.append(f"{name} is {variant['state']} and answers {served.status_code}")
            continue
        if served.status_code != 200:
            problems.append(f"{name} is READY and answers {served.status_code}")
            continue
        problems += [f"{name} {problem}" for problem in look_at_bytes(served, variant)]
        if case.expected in SANITISED:
            problems += [f"{name} holds {mark!r}" for mark in CANARIES if mark in served.content]
    return problems


def look_at_bytes(served: httpx.Response, variant: Json) -> list[str]:
    found = sniff(served.content[:64])
    if found is None or f"image/{found.value}" != variant["contentType"]:
        return [f"is {found} and called {variant['contentType']}"]
    if variant["size"] == "original":
        return []  # the upload's own pixels, which Pillow need not understand
    picture = Image.open(io.BytesIO(served.content))
    picture.load()
    return [] if picture.size == (variant["width"], variant["height"]) else [f"is {picture.size}"]
