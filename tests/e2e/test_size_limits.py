"""Pictures at the limits: the plan, the worker and the addresses agree on what can be made of them."""

import io
from typing import Any

import pytest
from PIL import Image

from app.domain.states import ImageState
from tests.support.client import Client
from tests.support.pictures import make_jpeg, make_png
from tests.support.waiting import eventually

pytestmark = pytest.mark.usefixtures("quiet")

PLAN = """query ($p: ProcessingInput, $w: Int!, $h: Int!) {
  planProcessing(processing: $p, width: $w, height: $h, contentType: "image/png") {
    variants { family size width height } refused { family size code message }
  }
}"""
CREATE = "mutation ($input: VariantPresetInput!) { createVariantPreset(input: $input) { preset { name } } }"
STATE = """query ($id: ID!) { image(id: $id) { state stableVariants {
  family size state width height url error { code message retryable attempts }
} } }"""

Json = dict[str, Any]  # what a server answered, looked into key by key


async def plan_of(client: Client, derivatives: list[Json], width_px: int, height_px: int) -> Json:
    processing = {"profile": "CUSTOM", "derivatives": derivatives}
    planned: Json = (await client.ask(PLAN, p=processing, w=width_px, h=height_px))["planProcessing"]
    return planned


async def settled(client: Client, image_id: str) -> dict[tuple[str, str], Json]:
    """The image's variants, once none of them waits to be made."""
    found: dict[tuple[str, str], Json] = {}

    async def has_ended() -> bool:
        image = (await client.ask(STATE, id=image_id))["image"]
        found.update({(variant["family"], variant["size"]): variant for variant in image["stableVariants"]})
        return all(variant["state"] in {"READY", "FAILED"} for variant in found.values())

    await eventually(has_ended, "every variant READY or FAILED")
    return found


async def test_a_side_beyond_webps_limit_is_made_smaller_as_the_plan_says(client: Client) -> None:
    derivatives = [{"family": "WEBP", "size": size} for size in ("original", "w128")]
    content = make_png(1, 16_384)

    planned = await plan_of(client, derivatives, 1, 16_384)
    session = await client.upload(content, processing={"profile": "CUSTOM", "derivatives": derivatives})
    made = await settled(client, session.image_id)

    assert planned["refused"] == []
    sizes = {(each["family"], each["size"]): (each["width"], each["height"]) for each in planned["variants"]}
    assert sizes["WEBP", "original"] == (1, 16_383)
    assert {name: (each["width"], each["height"]) for name, each in made.items()} == sizes
    for each in made.values():
        file = await client.http.get(each["url"])
        assert Image.open(io.BytesIO(file.content)).size == (each["width"], each["height"])


async def test_a_panorama_has_its_card_and_its_thumbnail(client: Client) -> None:
    derivatives = [{"family": "JPEG", "size": size} for size in ("og-image", "thumb")]
    content = make_jpeg(12_000, 400)

    planned = await plan_of(client, derivatives, 12_000, 400)
    session = await client.upload(content, processing={"profile": "CUSTOM", "derivatives": derivatives})
    made = await settled(client, session.image_id)

    assert planned["refused"] == []
    assert {each["state"] for each in made.values()} == {ImageState.READY.name}
    assert (made["JPEG", "og-image"]["width"], made["JPEG", "og-image"]["height"]) == (1200, 630)


async def test_a_size_too_large_is_refused_in_the_plan_and_tried_once(client: Client) -> None:
    await client.ask(CREATE, input={"name": "huge", "fit": "COVER", "width": 7_500, "height": 7_500})
    derivatives = [{"family": "JPEG", "size": "huge"}, {"family": "JPEG", "size": "w128"}]

    planned = await plan_of(client, derivatives, 64, 48)
    session = await client.upload(make_png(64, 48), processing={"profile": "CUSTOM", "derivatives": derivatives})
    made = await settled(client, session.image_id)

    (refused,) = planned["refused"]
    assert (refused["size"], refused["code"]) == ("huge", "DERIVATIVE_NOT_ALLOWED")
    error = made["JPEG", "huge"]["error"]
    assert (error["code"], error["retryable"], error["attempts"]) == ("DERIVATIVE_NOT_ALLOWED", False, 1)
    assert error["message"] == refused["message"]
    assert made["JPEG", "w128"]["state"] == "READY"


@pytest.mark.parametrize("mode", ["L", pytest.param("1", marks=pytest.mark.full("a second kind of grey"))])
async def test_grey_of_fifty_megapixels_is_taken(client: Client, mode: str) -> None:
    content = io.BytesIO()
    Image.new(mode, (7_071, 7_071), 1).save(content, "PNG", compress_level=1)

    session = await client.upload(content.getvalue())
    made = await settled(client, session.image_id)

    assert {each["state"] for each in made.values()} == {"READY"}
