"""Presets, replacements and known bytes as clients use them, over HTTP and sockets, on both set-ups."""

import asyncio
import hashlib
import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.support.client import Client, GraphQLFailure, OpenSession
from tests.support.graphql_client import subscribe
from tests.support.invariants import run_audit, temporary_files
from tests.support.library_queries import REPLACE
from tests.support.pictures import make_jpeg, make_png
from tests.support.site import Site
from tests.support.waiting import eventually, in_time, wait_until

Json = dict[str, Any]  # Any: what a server answered, looked into key by key

FIELDS = "{ id name fit width height quality metadata neverRequireSignedUrls browserTtl builtIn }"
LIST = f"{{ variantPresets {FIELDS} }}"
FIND = f"query ($name: String!) {{ variantPreset(name: $name) {FIELDS} }}"
NODE = f"query ($id: ID!) {{ node(id: $id) {{ __typename id ... on VariantPreset {FIELDS} }} }}"
CREATE = f"mutation ($input: VariantPresetInput!) {{ createVariantPreset(input: $input) {{ preset {FIELDS} }} }}"
UPDATE = f"mutation ($input: UpdateVariantPresetInput!) {{ updateVariantPreset(input: $input) {{ preset {FIELDS} }} }}"
DELETE = "mutation ($name: String!) { deleteVariantPreset(name: $name) { deletedName } }"
GENERATE = """mutation ($id: ID!, $size: String!) {
  generateVariants(imageId: $id, derivatives: [{family: PNG, size: $size}]) { image { id state } }
}"""
PLAN = """query ($size: String!) {
  planProcessing(width: 400, height: 100, processing: {profile: CUSTOM, derivatives: [{family: WEBP, size: $size}]}) {
    variants { family size width height }
  }
}"""
IMAGE = """query ($id: ID!) { image(id: $id) {
  id state complete revision width height contentType byteSize sha256 placeholder { thumbhash }
  stableVariants { family size ready state url width version contentType }
} }"""
WATCH = """subscription ($id: ID!) { stableVariants(imageId: $id) {
  revision complete image { complete sha256 } changed { size } stableVariants { size ready }
} }"""
FOCUS = """mutation ($id: ID!, $x: Float!) {
  updateImage(input: {id: $id, focalPoint: {x: $x, y: 0.5}}) { image { id } }
}"""


@pytest.fixture(autouse=True, scope="module")
def sound(site: Site) -> Iterator[None]:
    """Nothing is lost, left or stuck afterwards that was not before: other modules use the site, too."""
    before = run_audit(site, "--at-once")["broken"]
    files_before = set(temporary_files(site))
    yield

    def is_clean() -> bool:
        broken = run_audit(site, "--at-once")["broken"]
        return all(broken[name] <= before[name] for name in broken) and files_before >= set(temporary_files(site))

    wait_until(is_clean, lambda: f"{run_audit(site, '--at-once')}, before: {before}; {temporary_files(site)}")


async def test_presets_are_made_read_changed_and_deleted(client: Client) -> None:
    made = await _create(client, "card", fit="COVER", width=120, height=80, quality=70)
    changed = (await client.ask(UPDATE, input={"name": "card", "quality": None, "height": 90}))["updateVariantPreset"]
    listed = (await client.ask(LIST))["variantPresets"]
    found = (await client.ask(FIND, name="card"))["variantPreset"]
    node = (await client.ask(NODE, id=made["id"]))["node"]
    thumb = next(preset for preset in listed if preset["name"] == "thumb")
    built_in = (await client.ask(NODE, id=thumb["id"]))["node"]
    deleted = await client.ask(DELETE, name="card")

    assert made == {
        **{"id": made["id"], "name": "card", "fit": "COVER", "width": 120, "height": 80, "quality": 70},
        **{"metadata": "NONE", "neverRequireSignedUrls": False, "browserTtl": None, "builtIn": False},
    }
    assert changed["preset"] == {**made, "quality": None, "height": 90} == found
    assert {"__typename": "VariantPreset", **found} == node
    assert {"__typename": "VariantPreset", **thumb} == built_in
    assert [preset["name"] for preset in listed if preset["builtIn"]] == [
        *("original", "small", "medium", "w128", "w256", "w512", "w1024", "w1536", "w2048"),
        *("thumb", "og-image", "public"),
    ]
    assert deleted == {"deleteVariantPreset": {"deletedName": "card"}}
    assert (await client.ask(FIND, name="card"))["variantPreset"] is None
    assert (await client.ask(NODE, id=made["id"]))["node"] is None


@pytest.mark.parametrize(
    ("query", "variables", "code", "field"),
    [
        (CREATE, {"input": {"name": "thumb", "fit": "PAD"}}, "CONFLICT", "name"),
        (CREATE, {"input": {"name": "a b", "fit": "PAD"}}, "INVALID_REQUEST", "name"),
        (CREATE, {"input": {"name": "a", "fit": "PAD", "width": 16_385}}, "INVALID_REQUEST", "width"),
        (UPDATE, {"input": {"name": "thumb", "width": 1}}, "CONFLICT", "name"),
        (UPDATE, {"input": {"name": "nowhere", "width": 1}}, "NOT_FOUND", "name"),
        (DELETE, {"name": "small"}, "CONFLICT", "name"),
        (DELETE, {"name": "nowhere"}, "NOT_FOUND", "name"),
        (PLAN, {"size": "nowhere"}, None, None),
        (REPLACE, {"id": "01890000-0000-7000-8000-000000000000", "fileSize": 5}, "NOT_FOUND", None),
        (REPLACE, {"id": "no id", "fileSize": 5}, "NOT_FOUND", None),
    ],
)
async def test_what_cannot_be_is_refused(
    client: Client, query: str, variables: Json, code: str | None, field: str | None
) -> None:
    if code is None:
        assert len((await client.ask(query, **variables))["planProcessing"]["variants"]) == 1
        return
    with pytest.raises(GraphQLFailure) as refused:
        await client.ask(query, **variables)

    details = refused.value.errors[0]["extensions"].get("details") or {}
    assert (refused.value.code, details.get("field")) == (code, field)


async def test_a_changed_preset_never_leaves_its_address_without_bytes(client: Client) -> None:
    await _create(client, "banner", fit="COVER", width=200, height=50)
    content = make_jpeg(801, 600, noise=True)
    session = await client.upload(content, processing={"profile": "CUSTOM", "derivatives": [_png("banner")]})
    await client.wait_complete(session.image_id)
    url = session.urls["PNG", "banner"]
    seen: list[tuple[int, tuple[int, int]]] = []

    async def read_on() -> None:
        while not seen or seen[-1][1] != (90, 90):
            answer = await client.http.get(url)
            assert answer.status_code == 200, answer.text
            seen.append((answer.status_code, Image.open(io.BytesIO(answer.content)).size))

    planned = (await client.ask(PLAN, size="banner"))["planProcessing"]["variants"]
    reading = asyncio.create_task(read_on())
    for side in (60, 70, 80, 90):
        await client.ask(UPDATE, input={"name": "banner", "width": side, "height": side})
    await in_time(reading)

    assert {"family": "WEBP", "size": "banner", "width": 200, "height": 50} in planned
    assert seen[0][1] in {(200, 50), (60, 60), (70, 70), (80, 80), (90, 90)}
    image = (await client.ask(IMAGE, id=session.image_id))["image"]
    assert (image["state"], image["complete"]) == ("READY", True)


async def test_a_new_focal_point_moves_what_is_cut(client: Client) -> None:
    stripes = Image.new("RGB", (303, 100), (200, 0, 0))
    stripes.paste((0, 0, 200), (200, 0, 303, 100))
    buffer = io.BytesIO()
    stripes.save(buffer, "PNG")
    session = await client.upload(buffer.getvalue(), processing={"profile": "CUSTOM", "derivatives": [_png("thumb")]})
    await client.wait_complete(session.image_id)

    await client.ask(FOCUS, id=session.image_id, x=1.0)

    async def is_moved() -> bool:
        return await _middle_of(client, session.urls["PNG", "thumb"]) == (0, 0, 200)

    await eventually(is_moved)


@pytest.mark.parametrize("fit", ["COVER", "CROP", "PAD"])
async def test_a_fit_that_fills_a_box_needs_one(client: Client, fit: str) -> None:
    with pytest.raises(GraphQLFailure) as created:
        await client.ask(CREATE, input={"name": "boxless", "fit": fit})
    assert (await client.ask(FIND, name="boxless"))["variantPreset"] is None
    await _create(client, f"box-{fit}", fit=fit, height=40)
    with pytest.raises(GraphQLFailure) as updated:
        await client.ask(UPDATE, input={"name": f"box-{fit}", "height": None})

    for failure in (created, updated):
        assert failure.value.code == "INVALID_REQUEST"
        assert failure.value.errors[0]["extensions"]["details"] == {"field": "width"}
    assert (await client.ask(FIND, name=f"box-{fit}"))["variantPreset"]["height"] == 40
    assert (await _create(client, f"free-{fit}", fit="CONTAIN"))["width"] is None


async def test_a_deleted_presets_addresses_lead_nowhere(client: Client) -> None:
    await _create(client, "gone", fit="SCALE_DOWN", width=40)
    session = await client.upload(make_jpeg(803, 600))
    await client.ask(GENERATE, id=session.image_id, size="gone")
    await client.wait_complete(session.image_id)
    url = f"/f/{session.image_id}/png/gone.png"
    before = (await client.http.get(url)).status_code

    await client.ask(DELETE, name="gone")

    assert (before, (await client.http.get(url)).status_code) == (200, 404)


async def test_a_free_size_of_a_private_image_is_seen_by_anyone(site: Site, client: Client) -> None:
    await _create(client, "open", fit="SCALE_DOWN", width=40, neverRequireSignedUrls=True)
    session = await client.upload(
        make_jpeg(811, 600), visibility="PRIVATE", processing={"profile": "CUSTOM", "derivatives": [_png("open")]}
    )
    await client.wait_complete(session.image_id)
    url = session.urls["PNG", "open"]

    async with site.stranger() as stranger:
        free = await stranger.http.get(url)
        other = await stranger.http.get(session.urls["ORIGINAL", "original"])
        await client.ask(UPDATE, input={"name": "open", "neverRequireSignedUrls": False})
        closed = await stranger.http.get(url)

    assert (free.status_code, other.status_code, closed.status_code) == (200, 404, 404)
    assert free.headers["Cache-Control"].startswith("public")


async def test_a_replacement_is_watched_from_its_opening_to_its_last_variant(client: Client) -> None:
    first = await client.upload(make_jpeg(805, 600), processing={"profile": "CUSTOM", "derivatives": [_png("small")]})
    await client.wait_complete(first.image_id)
    before = (await client.ask(IMAGE, id=first.image_id))["image"]
    content = make_png(300, 400)

    replacement = await _replace(client, first.image_id, content)
    waiting = (await client.ask(IMAGE, id=first.image_id))["image"]
    watching = asyncio.create_task(_collect(client, first.image_id))
    answer = await client.send(replacement, content)
    events = await in_time(watching)
    after = (await client.ask(IMAGE, id=first.image_id))["image"]

    assert replacement.image_id == first.image_id
    assert waiting == {**before, "complete": False, "revision": before["revision"] + 1}
    assert (answer.status_code, answer.json()["id"]) == (201, first.image_id)
    assert events[-1]["complete"]
    assert not any(event["complete"] for event in events[:-1])
    assert [event["revision"] for event in events] == sorted({event["revision"] for event in events})
    assert (after["width"], after["height"], after["contentType"]) == (300, 400, "image/png")
    assert after["sha256"] == hashlib.sha256(content).hexdigest()
    assert after["placeholder"] != before["placeholder"]
    for (family, size), url in first.urls.items():
        served = await client.http.get(url)
        assert served.status_code == 200, (family, size)
        assert Image.open(io.BytesIO(served.content)).size == ((300, 400) if size == "original" else (200, 267))
    blob = await client.http.get(f"/images/{first.image_id}/blob")
    assert blob.content == content


async def test_undecodable_replacement_bytes_leave_everything_as_it_was(client: Client) -> None:
    first = await client.upload(make_jpeg(807, 600))
    await client.wait_complete(first.image_id)
    before = (await client.ask(IMAGE, id=first.image_id))["image"]
    content = bytearray(make_png(154, 210, noise=True))
    content[len(content) // 2 : len(content) // 2 + 400] = bytes(400)
    replacement = await _replace(client, first.image_id, bytes(content))

    answer = await client.send(replacement, bytes(content))
    after = (await client.ask(IMAGE, id=first.image_id))["image"]

    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_IMAGE")
    assert after == {**before, "revision": before["revision"] + 2}
    assert (await client.http.get(first.urls["ORIGINAL", "original"])).status_code == 200


async def test_known_bytes_need_not_be_sent(client: Client) -> None:
    content = make_jpeg(809, 600)
    sha256 = hashlib.sha256(content).hexdigest()
    first = await client.upload(content)
    await client.wait_complete(first.image_id)
    query = """mutation ($input: CreateUploadSessionInput!) { createUploadSession(input: $input) {
      duplicate session { state duplicate image { id } }
    } }"""

    opened = await client.ask(query, input={"fileSize": len(content), "sha256": sha256})
    private = await client.ask(query, input={"fileSize": len(content), "sha256": sha256, "visibility": "PRIVATE"})

    assert opened["createUploadSession"] == {
        "duplicate": True,
        "session": {"state": "COMPLETED", "duplicate": True, "image": {"id": first.image_id}},
    }
    assert private["createUploadSession"]["duplicate"] is False


async def _create(client: Client, name: str, **values: object) -> Json:
    created: Json = (await client.ask(CREATE, input={"name": name, **values}))["createVariantPreset"]["preset"]
    return created


async def _replace(client: Client, image_id: str, content: bytes) -> OpenSession:
    opened = (await client.ask(REPLACE, id=image_id, fileSize=len(content)))["replaceImage"]
    assert (opened["duplicate"], opened["session"]["image"]["complete"]) == (False, False)
    session = opened["session"]
    return OpenSession(
        session["id"], session["token"], session["uploadUrl"], session["oneTimeUrl"], session["image"]["id"], {}
    )


async def _collect(client: Client, image_id: str) -> list[Json]:
    return [event["stableVariants"] async for event in subscribe(client, WATCH, id=image_id)]


async def _middle_of(client: Client, url: str) -> object:
    picture = Image.open(io.BytesIO((await client.http.get(url)).content)).convert("RGB")
    return picture.getpixel((picture.width // 2, picture.height // 2))


def _png(size: str) -> Json:
    return {"family": "PNG", "size": size}
