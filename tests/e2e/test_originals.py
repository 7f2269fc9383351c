"""The served original and the blob: what is kept of an upload, what is taken out, and how it is called."""

import io
import json
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

from tests.support.client import Client, GraphQLFailure
from tests.support.graphql_client import ask_image, sha256_of
from tests.support.pictures import (
    ALL_TAGS,
    CANARY,
    Tags,
    is_upright,
    make_avif,
    make_gif,
    make_jpeg,
    make_png,
    make_webp,
    show,
)

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize("make", [make_jpeg, make_png, make_webp, make_avif])
async def test_the_served_original_has_no_metadata_and_the_blob_has_all(client: Client, make: object) -> None:
    tags = Tags(orientation=6, gps=ALL_TAGS.gps, camera=ALL_TAGS.camera, xmp=ALL_TAGS.xmp, comment=ALL_TAGS.comment)
    content = make(401, 302, tags=tags) + b"trailing " + CANARY.encode()  # type: ignore[operator]  # one of four makers

    session = await client.upload(content)
    last = await client.wait_complete(session.image_id)

    image = await ask_image(client, session.image_id)
    assert (image["width"], image["height"]) == (401, 302)
    assert (image["byteSize"], image["sha256"]) == (len(content), sha256_of(content))
    served = {variant["url"]: await client.http.get(variant["url"]) for variant in last["stableVariants"]}
    for url, response in served.items():
        assert response.status_code == 200, url
        for mark in (CANARY.encode(), b"xmpmeta", b"trailing"):
            assert mark not in response.content, url
        picture = Image.open(io.BytesIO(response.content))
        assert not picture.getexif().get_ifd(0x8825), url  # GPS
        assert is_upright(show(response.content)), url
    blob = await client.http.get(f"/images/{session.image_id}/blob")
    assert blob.content == content


async def test_width_and_height_of_variants_are_as_displayed(client: Client) -> None:
    content = make_jpeg(300, 600, tags=Tags(orientation=8))

    session = await client.upload(content)
    last = await client.wait_complete(session.image_id)

    sizes = {(v["family"], v["size"]): (v["width"], v["height"]) for v in last["stableVariants"]}
    assert sizes["ORIGINAL", "original"] == (300, 600)
    assert sizes["WEBP", "small"] == sizes["ORIGINAL", "small"] == (200, 400)
    assert sizes["AVIF", "medium"] == (300, 600)


async def test_an_animation_keeps_moving_where_it_can(client: Client) -> None:
    content = make_gif(400, 300, frames=4)

    session = await client.upload(content)
    await client.wait_complete(session.image_id)

    image = await ask_image(client, session.image_id)
    assert (image["frames"], image["contentType"]) == (4, "image/gif")
    moving = {(v["family"], v["size"]): v["animated"] for v in image["stableVariants"]}
    assert {family for (family, _), animated in moving.items() if animated} == {"ORIGINAL", "WEBP"}
    for variant in image["stableVariants"]:
        picture = Image.open(io.BytesIO((await client.http.get(variant["url"])).content))
        assert getattr(picture, "n_frames", 1) == (4 if variant["animated"] else 1), variant


async def test_a_heic_is_served_as_jpeg(client: Client, corpus: Path) -> None:
    content = (corpus / "photos" / "classic-car.heic").read_bytes()

    session = await client.upload(content, filename="IMG_1.HEIC")
    await client.wait_complete(session.image_id)

    image = await ask_image(client, session.image_id)
    assert (image["contentType"], image["width"], image["height"]) == ("image/heic", 3024, 4032)
    served = await client.http.get(session.urls["ORIGINAL", "original"])
    assert session.urls["ORIGINAL", "original"].endswith("/original/original.jpg")
    assert served.headers["content-type"] == "image/jpeg"
    assert show(served.content).size == (3024, 4032)
    original = next(v for v in image["stableVariants"] if v["size"] == "original")
    assert original["contentType"] == "image/jpeg"
    blob = await client.http.get(f"/images/{session.image_id}/blob")
    assert (blob.headers["content-type"], blob.content) == ("image/heic", content)


async def test_the_type_is_what_the_bytes_say_and_old_addresses_hold(client: Client) -> None:
    content = make_png(410, 300)
    session = await client.open_session(len(content), filename="lie.jpg")

    await client.send_form(session, content, filename="lie.gif")
    await client.wait_complete(session.image_id)

    image = await ask_image(client, session.image_id)
    assert (image["contentType"], image["filename"]) == ("image/png", "lie.jpg")
    guessed = await client.http.get(session.urls["ORIGINAL", "original"])
    assert session.urls["ORIGINAL", "original"].endswith(".jpg")
    assert (guessed.status_code, guessed.headers["content-type"]) == (200, "image/png")
    now = next(v["url"] for v in image["stableVariants"] if v["size"] == "original")
    assert now.endswith("/original/original.png")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\boot\\a.jpg", "a.jpg"),
        ("a\r\nSet-Cookie: x=1.jpg", "aSet-Cookie: x=1.jpg"),
        ("\u202egpj.exe", "gpj.exe"),
        ("Cafe\u0301.jpg", "Café.jpg"),
        ("日" * 100 + ".jpeg", "日" * 83 + ".jpeg"),
        ('q"uo;te%20.jpg', 'q"uo;te%20.jpg'),
        ("👩\u200d👧.png", "👩\u200d👧.png"),
    ],
)
async def test_a_filename_is_kept_but_for_what_could_hurt(client: Client, sent: str, kept: str) -> None:
    session = await client.open_session(1000, filename=sent)

    assert (await ask_image(client, session.image_id))["filename"] == kept
    assert len(kept.encode()) <= 255


async def test_the_filenames_of_the_corpus_are_kept_or_refused(client: Client, corpus: Path) -> None:
    names = json.loads((corpus / "hostile" / "filenames" / "filenames_a.json").read_text())
    content = make_jpeg(430, 200)
    refused = []
    for index, name in enumerate(entry["name"] for entry in names):
        picture = content + bytes([index])
        try:
            session = await client.open_session(len(picture), filename=name, processing={"profile": "ORIGINAL_ONLY"})
        except GraphQLFailure as failure:
            refused.append((failure.code, failure.errors[0]["extensions"]["details"]["field"]))
            continue
        sent = await client.send(session, picture)
        assert sent.status_code == 201, name
        served = await client.http.get(session.urls["ORIGINAL", "original"])
        image = await ask_image(client, session.image_id)
        assert served.status_code == 200, name
        disposition = served.headers["content-disposition"]
        kept = image["filename"]
        saved = kept if kept.endswith((".jpg", ".jpeg")) and kept.rpartition(".")[0] else f"{kept}.jpg"
        assert unquote(disposition.partition("''")[2]) == saved
        assert "set-cookie" not in served.headers

    assert set(refused) <= {("INVALID_REQUEST", "filename")}
    assert len(refused) <= 3


async def test_a_name_that_comes_with_the_form_counts_where_none_was_given(client: Client) -> None:
    named, unnamed = make_jpeg(440, 200), make_jpeg(442, 200)
    first, second = await client.open_session(len(named)), await client.open_session(len(unnamed))

    await client.send_form(first, named, filename="d/été “1”.jpg")
    await client.send(second, unnamed)

    assert (await ask_image(client, first.image_id))["filename"] == "été “1”.jpg"
    image = await client.ask("query ($id: ID!) { image(id: $id) { filename shortId } }", id=second.image_id)
    assert image["image"]["filename"] == image["image"]["shortId"] + ".jpg"


async def test_every_download_has_the_extension_of_its_format(client: Client) -> None:
    session = await client.upload(make_png(411, 300), filename="evil.html")
    await client.wait_complete(session.image_id)
    image = await ask_image(client, session.image_id)
    urls = [variant["url"] for variant in image["stableVariants"]]

    answers = [await client.http.get(url) for url in (*urls, f"/images/{session.image_id}/blob")]
    asked = [await client.http.get(url, params={"download": "1"}) for url in urls]

    assert image["filename"] == "evil.html"
    for answer in (*answers, *asked):
        assert answer.status_code == 200
        extension = answer.headers["content-type"].removeprefix("image/").replace("jpeg", "jpg")
        assert answer.headers["content-disposition"].endswith(f"; filename*=UTF-8''evil.html.{extension}")
