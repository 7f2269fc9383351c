"""The hostile corpus against addresses: odd targets, poisoned headers, names and requests that are none.

No byte of what is private, no fault, and no answer to anybody else that is not the one of before.
"""

import io
import json
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.support.accounts_fixture import People
from tests.support.gallery import ALBUM, Gallery, show
from tests.support.http_client import open_http
from tests.support.pictures import make_jpeg
from tests.support.raw_http import Answer, open_wire
from tests.support.site_logs import faults_of

ALLOWED = {301, 400, 403, 404, 414}
# What a request's own conditions may make of a picture, beside the picture and a refusal.
CONDITIONAL = {"range": {206, 416}, "if-none-match": {304}, "if-modified-since": {304}}
OFTEN = {"date", "x-request-id"}


async def send(url: str, target: str, headers: Mapping[str, str] | None = None) -> Answer:
    """One request as it stands."""
    async with open_wire(url) as wire:
        await wire.send_head("GET", target, {**(headers or {}), "Connection": "close"})
        return await wire.read_answer()


async def test_no_target_of_the_corpus_shows_what_is_private(gallery: Gallery, corpus: Path) -> None:
    targets: list[str] = json.loads((corpus / "hostile" / "cdn" / "cdn_paths_a.json").read_text())
    place = f"/cdn/{gallery.owner.username}/trip/secret.jpg"
    soon = int(time.time()) + 3_600
    signed, narrow = (gallery.sign(path) for path in (place, f"{place}/w128"))
    names = {
        "owner": gallery.owner.username,
        "album": "trip",
        "other_private": "secret.jpg",
        "exp": str(soon),
        "exp1": str(soon)[1:],
        "sig": signed.rpartition("=")[2],
        "sig_padded": signed.rpartition("=")[2],
        "sig_for_w128": narrow.rpartition("=")[2],
    }
    wrong = []

    for template in targets:
        target = template.replace("x.jpg", "secret.jpg").format(**names)
        for prefix in ("", "/cdn"):
            answer = await send(gallery.base_url, prefix + target)
            if answer.status not in ALLOWED or answer.headers.get("content-type", "").startswith("image/"):
                wrong.append(f"{prefix}{template[:80]}: {answer.status}")

    assert wrong == []
    assert faults_of(gallery.people.site) == []


async def test_no_header_of_the_corpus_changes_what_others_are_answered(gallery: Gallery, corpus: Path) -> None:
    cases: list[dict[str, str]] = json.loads((corpus / "hostile" / "cdn" / "headers_a.json").read_text())
    cases += [{"X-HTTP-Method-Override": "DELETE"}, {"X-Forwarded-Proto": "ftp"}, {"Accept": "\x7f" * 900}]
    paths = [
        f"/f/{gallery.public.id}/webp/small.webp",
        gallery.pretty("beach.jpg", size="small"),
        f"/cdn/{gallery.account_hash}/{gallery.public.id}/small",
    ]
    wrong = []

    for path in paths:
        clean = await send(gallery.base_url, path)
        for headers in cases:
            name = next(iter(headers)).lower()
            answer = await send(gallery.base_url, path, headers)
            same = answer.status == 200 and answer.body == clean.body and steady(answer) == steady(clean)
            if not (same or 400 <= answer.status < 500 or answer.status in CONDITIONAL.get(name, set())):
                wrong.append(f"{path} {name}: {answer.status}")
            after = await send(gallery.base_url, path)
            if (after.status, after.body, steady(after)) != (200, clean.body, steady(clean)):
                wrong.append(f"{path} after {name}: {after.status}")

    assert wrong == []
    assert faults_of(gallery.people.site) == []


def steady(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in OFTEN}


@pytest.mark.parametrize("step", [8, pytest.param(1, marks=pytest.mark.full("all names, not every eighth"))])
async def test_every_name_of_the_corpus_is_served_at_its_pretty_address_and_packed_safely(
    people: People, corpus: Path, step: int
) -> None:
    cases = json.loads((corpus / "hostile" / "filenames" / "filenames_a.json").read_text())
    names = [case["name"] for case in cases[::step]]
    person = await people.add()
    wrong, contents = [], set()
    async with people.client(person) as client, open_http() as stranger:
        album = (await client.ask(ALBUM, slug="odd"))["createAlbum"]["album"]["id"]
        for number, name in enumerate(names):
            if "\0" in name or len(name) > 4096:
                continue  # refused when the session is opened
            content = make_jpeg(40 + number, 30)
            contents.add(content)
            image = await show(client, content, filename=name, albumSlug="odd", processing={"profile": "ORIGINAL_ONLY"})
            found = await stranger.get(image.facts["cdnUrl"])
            if found.status_code != 200 or not found.headers["content-disposition"].startswith(
                "inline; filename*=UTF-8''"
            ):
                wrong.append(f"{name!r}: {found.status_code}")
            if not found.headers["etag"].strip('"').startswith(image.versions["ORIGINAL", "original"]):
                wrong.append(f"{name!r}: another picture")
        packed = await client.http.get(f"/albums/{album}.zip")

    assert wrong == []
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        inside = archive.namelist()
        assert {archive.read(name) for name in inside} == contents
    assert len({name.casefold() for name in inside}) == len(inside)
    assert not [name for name in inside if name.startswith((".", "/")) and name.strip(".") == ""]
    assert not [name for name in inside if set(name) & set('/\\:*?"<>|') or any(ord(sign) < 32 for sign in name)]
    assert faults_of(people.site) == []


@pytest.mark.parametrize("name", ["header_count_500.txt", "smuggle_cl_te.txt"])
async def test_a_request_that_is_none_is_refused_and_the_server_stays(
    gallery: Gallery, corpus: Path, name: str
) -> None:
    raw = (corpus / "hostile" / "http" / name).read_bytes()

    async with open_wire(gallery.base_url) as wire:
        await wire.send(raw)
        answer = await wire.read_answer()

    assert answer.status in {400, 404, 431}
    assert (await gallery.get(f"/f/{gallery.public.id}/webp/small.webp")).status_code == 200
    assert faults_of(gallery.people.site) == []


@pytest.mark.parametrize("name", ["multipart_header_64k.txt", "multipart_no_end.txt"])
async def test_a_form_that_is_none_is_400_and_nothing_is_kept(people: People, corpus: Path, name: str) -> None:
    raw = (corpus / "hostile" / "http" / name).read_bytes()
    async with people.client(await people.add()) as client:
        session = await client.open_session(100_000)
        headers = {"Authorization": f"Bearer {session.token}", "Content-Type": "multipart/form-data; boundary=B"}
        answer = await client.http.post(session.upload_url, content=raw, headers=headers)
        listed = await client.ask("{ images { totalCount } }")

    assert answer.status_code == 400, answer.text
    assert listed["images"]["totalCount"] == 0
    assert faults_of(people.site) == []


async def test_an_owner_is_nobody_elses_prefix(gallery: Gallery) -> None:
    other = gallery.flexible.username
    targets = [
        f"/cdn/{other}/../{gallery.owner.username}/trip/secret.jpg",
        f"/cdn/{other}/_/..%2f..%2f{gallery.owner.username}%2ftrip%2fsecret.jpg",
        f"/cdn/{gallery.flexible_hash}/{gallery.private.id}/public",
        f"/cdn/{gallery.flexible_hash}/{gallery.public.id}/public",
        f"/cdn/{other}/trip/beach.jpg",
        f"/cdn/{gallery.account_hash}/{quote(gallery.private.id.upper())}/public",
    ]

    answers = [await send(gallery.base_url, target) for target in targets]

    assert [answer.status for answer in answers] == [404] * len(targets)
    assert urlsplit(gallery.base_url).path == ""
