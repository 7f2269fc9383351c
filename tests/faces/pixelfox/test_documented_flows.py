"""What the PixelFox document prints, run as it stands but for the address and the key: PX-02 to PX-04, PX-57, PX-64."""

import json
from pathlib import Path

import pytest

from tests.support.documented_scripts import run_php, run_shell
from tests.support.pictures import make_jpeg
from tests.support.pixelfox_api import Fox
from tests.support.servers.reference import Document, Reference

BASE_URL, API_KEY = "https://pixelfox.cc", "DEIN_API_KEY"
NEEDS = ("curl", "jq")


@pytest.fixture(scope="session")
def document(reference: Reference) -> Document:
    return reference.read("pixelfox-public-api.txt")


def as_own(script: str, fox: Fox) -> str:
    """The script with our address and key in the places of theirs."""
    assert BASE_URL in script
    assert API_KEY in script
    return script.replace(BASE_URL, fox.base_url).replace(API_KEY, fox.person.key)


def read_all(printed: str) -> list[dict[str, object]]:
    """The JSON documents that stand one behind the other."""
    found, decoder, rest = [], json.JSONDecoder(), printed.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        found.append(document)
        rest = rest[end:].lstrip()
    return found


async def test_the_documented_shell_flow_runs(fox: Fox, document: Document, tmp_path: Path) -> None:
    # PX-03, PX-05, PX-22 to PX-26, PX-30, PX-41, PX-56, PX-58, PX-64
    (tmp_path / "beispiel.jpg").write_bytes(make_jpeg(820, 600))
    album_id = await fox.add_album("flow", number=42)
    parts = (
        document.between("export BASE_URL", "\nAlternative Header-Variante"),
        document.between("export FILE=", "\nLasse processing weg"),
        document.between("UPLOAD_RESULT=", "\nWiederhole den Status-Request"),
    )

    printed = await run_shell(as_own("\n".join(parts), fox), cwd=tmp_path, needs=NEEDS)

    profile, session, uploaded, status, image = read_all(printed)
    assert profile["username"] == fox.person.username
    assert (session["album_id"], session["is_nsfw"]) == (42, True)
    assert set(status) == {"complete", "failed", "view_url"}
    assert status["failed"] is False
    assert uploaded["image_uuid"] == image["image_uuid"]
    finished = await fox.finish(str(image["image_uuid"]))
    assert finished["available_variants"] == ["original", "webp", "avif"]
    assert [list(sizes) for sizes in finished["variants"].values()] == [["original"], ["small"], ["small"]]
    query = "query ($id: ID!) { image(id: $id) { album { id } isNsfw } }"
    kept = (await fox.native.ask(query, id=image["image_uuid"]))["image"]
    assert kept == {"album": {"id": album_id}, "isNsfw": True}


@pytest.mark.full("make test runs the documented upload in PHP")
async def test_the_documented_php_profile_runs(fox: Fox, document: Document, tmp_path: Path) -> None:
    # PX-05, PX-07, PX-15, PX-64
    script = document.between("<?php", "\nUpload Flow mit Status-Polling", after="PHP Beispiele")

    printed = await run_php(as_own(script, fox), cwd=tmp_path)

    max_upload_bytes = (await fox.read("/user/profile"))["limits"]["max_upload_bytes"]
    assert printed.split() == [fox.person.username, str(max_upload_bytes)]


async def test_the_documented_php_upload_runs_to_its_end(fox: Fox, document: Document, tmp_path: Path) -> None:
    # PX-24, PX-25, PX-41, PX-44, PX-57, PX-64
    (tmp_path / "beispiel.jpg").write_bytes(make_jpeg(821, 600))
    await fox.add_album("php", number=42)
    script = document.between(
        "<?php", "\nKonsistente Bild-URLs verstehen", after="Upload Flow mit Status-Polling\n\n<?php"
    )

    printed = await run_php(as_own(script, fox), cwd=tmp_path)

    answer = await fox.http.get(printed.strip())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert printed.strip().endswith("/original/original.jpg")
    image_uuid = printed.split("/f/")[1].split("/")[0]
    assert (await fox.read(f"/images/{image_uuid}/status"))["complete"] is True
