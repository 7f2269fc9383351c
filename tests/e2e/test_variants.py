"""What is going to be made: dry runs, more variants of an image, new tries for those that failed."""

import pytest

from app.domain.states import ImageState
from app.domain.variants import VariantState
from tests.support.client import Client, GraphQLFailure, OpenSession
from tests.support.graphql_client import Json, ask_image
from tests.support.pictures import make_jpeg, make_png
from tests.support.site import Site
from tests.support.site_rows import change_image, change_variant

PLAN = """
query ($p: ProcessingInput, $w: Int!, $h: Int!) {
  planProcessing(processing: $p, width: $w, height: $h) {
    policy { profile keepOriginal derivatives { family size } }
    variants { family size width height } refused { family size code message }
  }
}
"""
STATE = "id state complete failed stableVariants { id family size state ready version url }"
GENERATE = (
    "mutation ($i: ID!, $d: [DerivativeInput!]!) { generateVariants(imageId: $i, derivatives: $d) "
    f"{{ image {{ {STATE} }} }} }}"
)
RETRY = f"mutation ($i: ID!) {{ retryVariants(imageId: $i) {{ image {{ {STATE} }} }} }}"
SIZES = [
    "original",
    "small",
    "medium",
    "w128",
    "w256",
    "w512",
    "w1024",
    "w1536",
    "w2048",
    "thumb",
    "og-image",
    "public",
]


pytestmark = pytest.mark.usefixtures("quiet")


async def make_ready(client: Client, content: bytes, **more: object) -> OpenSession:
    session = await client.upload(content, **more)
    await client.wait_complete(session.image_id)
    return session


async def test_a_plan_tells_what_would_be_made(client: Client) -> None:
    plan = (await client.ask(PLAN, w=4000, h=3000))["planProcessing"]

    sizes = {(v["family"], v["size"]): (v["width"], v["height"]) for v in plan["variants"]}
    assert sizes == {
        ("ORIGINAL", "original"): (4000, 3000),
        **{(family, "small"): (200, 150) for family in ("ORIGINAL", "WEBP", "AVIF")},
        **{(family, "medium"): (500, 375) for family in ("ORIGINAL", "WEBP", "AVIF")},
    }
    assert (plan["policy"]["profile"], plan["policy"]["keepOriginal"], plan["refused"]) == ("DEFAULT", True, [])
    assert len(plan["policy"]["derivatives"]) == 6


async def test_a_plan_names_what_would_be_refused(client: Client) -> None:
    wanted = [{"family": "WEBP", "size": size} for size in ("w512", "huge", "og-image")]

    plan = (await client.ask(PLAN, w=300, h=600, p={"profile": "CUSTOM", "derivatives": wanted}))["planProcessing"]
    with pytest.raises(GraphQLFailure) as refused:
        await client.open_session(1000, processing={"profile": "CUSTOM", "derivatives": wanted})

    assert [(v["family"], v["size"], v["width"], v["height"]) for v in plan["variants"]] == [
        ("ORIGINAL", "original", 300, 600),
        ("WEBP", "w512", 300, 600),
        ("WEBP", "og-image", 1200, 630),
    ]
    assert [(r["family"], r["size"]) for r in plan["refused"]] == [("WEBP", "huge")]
    # Dry run and deed agree.
    assert refused.value.code == plan["refused"][0]["code"]
    assert refused.value.errors[0]["extensions"]["details"]["derivatives"] == [{"family": "WEBP", "size": "huge"}]


async def test_every_size_in_every_family_is_made_as_planned(client: Client) -> None:
    families = ["ORIGINAL", "JPEG", "PNG", "WEBP", "AVIF"]
    wanted = [{"family": family, "size": size} for family in families for size in SIZES]
    processing = {"profile": "CUSTOM", "derivatives": wanted}
    plan = (await client.ask(PLAN, w=640, h=480, p=processing))["planProcessing"]

    session = await make_ready(client, make_png(640, 480, alpha=True), processing=processing)

    image = await ask_image(client, session.image_id)
    made = {(v["family"], v["size"]): (v["width"], v["height"]) for v in image["stableVariants"]}
    assert image["state"] == "READY"
    assert made == {(v["family"], v["size"]): (v["width"], v["height"]) for v in plan["variants"]}
    assert len(made) == 60


async def test_original_only_makes_nothing_else(client: Client) -> None:
    session = await make_ready(client, make_jpeg(333, 100), processing={"profile": "ORIGINAL_ONLY"})

    image = await ask_image(client, session.image_id)

    assert [(v["family"], v["size"]) for v in image["stableVariants"]] == [("ORIGINAL", "original")]


async def test_new_variants_are_made_and_the_others_stay(client: Client) -> None:
    session = await make_ready(client, make_jpeg(900, 500))
    before = by_name(await ask_image(client, session.image_id))
    revision = (await ask_image(client, session.image_id))["revision"]
    wanted = [
        {"family": "PNG", "size": "thumb"},
        {"family": "WEBP", "size": "small"},
        {"family": "JPEG", "size": "w512"},
    ]

    answer = (await client.ask(GENERATE, i=session.image_id, d=wanted))["generateVariants"]["image"]
    events = [event async for event in client.watch(session.image_id, after=revision)]
    after = by_name(await ask_image(client, session.image_id))

    assert set(by_name(answer)) == {*before, ("PNG", "thumb"), ("JPEG", "w512")}
    assert {name: after[name] for name in before} == before
    assert events[-1]["complete"] is True
    changed = {(v["family"], v["size"]) for event in events for v in event["changed"]}
    assert changed == {("PNG", "thumb"), ("JPEG", "w512")}
    for name in (("PNG", "thumb"), ("JPEG", "w512")):
        assert (await client.http.get(after[name]["url"])).status_code == 200
    assert (after["PNG", "thumb"]["width"], after["PNG", "thumb"]["height"]) == (128, 128)


async def test_variants_planned_for_a_draft_are_made_with_the_others(client: Client) -> None:
    content = make_jpeg(902, 500)
    session = await client.open_session(len(content))

    planned = await client.ask(GENERATE, i=session.image_id, d=[{"family": "PNG", "size": "thumb"}])
    await client.send(session, content)
    last = await client.wait_complete(session.image_id)

    assert planned["generateVariants"]["image"]["state"] == "AWAITING_UPLOAD"
    assert ("PNG", "thumb") in by_name(last)
    assert last["progress"] == {"total": 8, "ready": 8, "failed": 0}


async def test_failed_variants_get_new_tries_and_the_others_stay(site: Site, client: Client) -> None:
    session = await make_ready(client, make_jpeg(904, 500))
    before = by_name(await ask_image(client, session.image_id))
    failed = {"state": VariantState.FAILED, "error_code": "RENDER_FAILED", "error_message": "No.", "object_key": None}
    await change_variant(site, session.image_id, "avif", "small", failures=3, **failed)
    await change_image(site, session.image_id, state=ImageState.FAILED)
    query = """query ($id: ID!) { image(id: $id) {
      state failed complete variant(family: AVIF, size: "small") { ready error { code retryable message } }
    } }"""
    told = (await client.ask(query, id=session.image_id))["image"]

    answer = (await client.ask(RETRY, i=session.image_id))["retryVariants"]["image"]
    last = await client.wait_complete(session.image_id)
    after = by_name(await ask_image(client, session.image_id))

    error = {"code": "RENDER_FAILED", "retryable": True, "message": "No."}
    assert told == {"state": "FAILED", "failed": True, "complete": True, "variant": {"ready": False, "error": error}}
    assert (answer["state"], answer["complete"]) == ("PROCESSING", False)
    assert (last["image"]["state"], last["failed"]) == ("READY", False)
    assert after["AVIF", "small"]["ready"] is True
    others = set(before) - {("AVIF", "small")}
    assert {name: after[name] for name in others} == {name: before[name] for name in others}


async def test_retrying_where_nothing_failed_changes_nothing(client: Client) -> None:
    session = await make_ready(client, make_jpeg(906, 500))
    before = await ask_image(client, session.image_id)

    await client.ask(RETRY, i=session.image_id)

    assert await ask_image(client, session.image_id) == before


async def test_only_the_owner_plans_more(client: Client) -> None:
    session = await make_ready(client, make_jpeg(908, 500))
    codes = []
    for key in (None, session.token):
        async with Client(client.base_url, key=key) as other:
            for query, more in ((GENERATE, {"d": [{"family": "PNG", "size": "thumb"}]}), (RETRY, {})):
                with pytest.raises(GraphQLFailure) as failure:
                    await other.ask(query, i=session.image_id, **more)
                codes.append(failure.value.code)

    assert set(codes) == {"UNAUTHORIZED"}


def by_name(image: Json) -> dict[tuple[str, str], Json]:
    return {(variant["family"], variant["size"]): variant for variant in image["stableVariants"]}
