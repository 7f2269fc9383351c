"""Reading: one image, some, pages of them; what everybody sees and what only the owner sees."""

from datetime import datetime
from uuid import UUID

import pytest

from app.domain.formats import MEDIA_TYPES
from tests.support.client import Client
from tests.support.graphql_client import Json, ask_image, select_all, sha256_of
from tests.support.pictures import make_jpeg, make_png
from tests.support.site import Site

PAGE = """
query ($first: Int, $after: String, $last: Int, $before: String, $states: [ImageState!]) {
  images(first: $first, after: $after, last: $last, before: $before, filter: {states: $states}) {
    totalCount nodes { id } edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
COUNT = 7


pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
async def newest_first(client: Client) -> list[str]:
    """The ids of all of the owner's images; drafts and duplicates are there too, and not among them."""
    listed = (await client.ask(PAGE, first=100))["images"]
    if listed["totalCount"] < COUNT:
        pictures = [make_png(40 + n, 30) for n in range(COUNT)]
        for picture in [*pictures, pictures[0]]:
            await client.upload(picture, processing={"profile": "ORIGINAL_ONLY"})
            await client.open_session(1000)
        listed = (await client.ask(PAGE, first=100))["images"]
    ids = [node["id"] for node in listed["nodes"]]
    assert len(ids) == listed["totalCount"] >= COUNT
    return ids


async def test_pages_forward_and_backward_are_slices_of_the_list(client: Client, newest_first: list[str]) -> None:
    cursors = [edge["cursor"] for edge in (await client.ask(PAGE, first=100))["images"]["edges"]]
    total = len(newest_first)
    for size in (1, 2, 3, total - 1, total, total + 1):
        for start in (-1, 0, 2, total - 1):
            beyond = cursors[start] if start >= 0 else None

            page = (await client.ask(PAGE, first=size, after=beyond))["images"]
            check_page(page, newest_first, cursors, slice(start + 1, start + 1 + size))

            end = total if start < 0 else start
            page = (await client.ask(PAGE, last=size, before=beyond))["images"]
            check_page(page, newest_first, cursors, slice(max(0, end - size), end))


def check_page(page: Json, ids: list[str], cursors: list[str], part: slice) -> None:
    """Is the page just this part of the list?"""
    wanted, wanted_cursors = ids[part], cursors[part]
    assert [node["id"] for node in page["nodes"]] == wanted
    assert [(edge["cursor"], edge["node"]["id"]) for edge in page["edges"]] == list(
        zip(wanted_cursors, wanted, strict=True)
    )
    assert page["totalCount"] == len(ids)
    info = page["pageInfo"]
    assert info["startCursor"] == (wanted_cursors[0] if wanted else None)
    assert info["endCursor"] == (wanted_cursors[-1] if wanted else None)
    if wanted:
        assert info["hasNextPage"] == (part.stop < len(ids))
        assert info["hasPreviousPage"] == (part.start > 0)


async def test_the_list_is_newest_first_and_filtered_by_state(client: Client, newest_first: list[str]) -> None:
    ready = (await client.ask(PAGE, states=["READY", "PROCESSING"]))["images"]
    drafts = (await client.ask(PAGE, states=["AWAITING_UPLOAD"]))["images"]
    failed = (await client.ask(PAGE, states=["FAILED"]))["images"]

    assert [node["id"] for node in ready["nodes"]] == newest_first
    assert (drafts["totalCount"], failed["nodes"], failed["pageInfo"]["hasNextPage"]) == (0, [], False)
    # UUIDs of version 7 sort by time.
    assert newest_first == sorted(newest_first, reverse=True)


async def test_images_by_ids_come_in_the_order_asked_for(client: Client, newest_first: list[str]) -> None:
    draft = await client.open_session(1000)
    asked = [newest_first[2], "nonsense", newest_first[0], newest_first[2], draft.id, draft.image_id]
    query = "query ($ids: [ID!]!) { imagesByIds(ids: $ids) { id } nodes(ids: $ids) { id } }"

    mine = await client.ask(query, ids=asked)
    async with Client(client.base_url, key=None) as stranger:
        theirs = await stranger.ask(query, ids=asked)

    shown = [newest_first[2], None, newest_first[0], newest_first[2]]
    assert [image and image["id"] for image in mine["imagesByIds"]] == [*shown, None, draft.image_id]
    assert [node and node["id"] for node in mine["nodes"]] == [*shown, draft.id, draft.image_id]
    for field in ("imagesByIds", "nodes"):
        assert [item and item["id"] for item in theirs[field]] == [*shown, None, None]


async def test_every_type_is_found_by_its_id(client: Client) -> None:
    session = await client.upload(make_jpeg(500, 300))
    viewer = (await client.ask("{ viewer { id } }"))["viewer"]["id"]
    variant = (await ask_image(client, session.image_id))["stableVariants"][0]["id"]
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    ids = [session.image_id, variant, session.id, viewer]

    mine = await client.ask(query, ids=ids)
    async with (
        Client(client.base_url, key=None) as stranger,
        Client(client.base_url, key=session.token) as holder,
    ):
        theirs, holders = await stranger.ask(query, ids=ids), await holder.ask(query, ids=ids)

    assert [node["__typename"] for node in mine["nodes"]] == ["Image", "Variant", "UploadSession", "Viewer"]
    assert [node["id"] for node in mine["nodes"]] == ids
    assert [node and node["__typename"] for node in theirs["nodes"]] == ["Image", "Variant", None, None]
    assert [node and node["__typename"] for node in holders["nodes"]] == ["Image", "Variant", "UploadSession", None]


async def test_everything_of_an_image_and_its_variants_is_told(site: Site, client: Client) -> None:
    content = make_jpeg(640, 400)
    session = await client.upload(content, filename="a.jpg", metadata={"k": "v"}, tags=["t"])
    await client.wait_complete(session.image_id)
    query = f"query ($id: ID!) {{ image(id: $id) {select_all('Image')} }}"

    image = (await client.ask(query, id=session.image_id))["image"]
    async with site.stranger() as stranger:
        seen = (await stranger.ask(query, id=session.image_id))["image"]

    assert len(image["shortId"]) in range(8, 13)
    assert (image["state"], image["complete"], image["failed"]) == ("READY", True, False)
    assert (image["contentType"], image["frames"], image["sha256"]) == ("image/jpeg", 1, sha256_of(content))
    assert image["plannedVariants"] == image["availableVariants"] == ["ORIGINAL", "WEBP", "AVIF"]
    assert image["variants"] == image["stableVariants"] == image["storageVariants"]
    assert image["processing"]["keepOriginal"] is True
    assert len(image["processing"]["derivatives"]) == 6
    assert image["owner"]["name"] == (await client.ask("{ viewer { username } }"))["viewer"]["username"]
    assert datetime.fromisoformat(image["createdAt"]) <= datetime.fromisoformat(image["updatedAt"])
    assert image["placeholder"]["dominantColor"].startswith("#")
    for variant in image["stableVariants"]:
        assert UUID(variant["id"]).version == 7
        assert (variant["ready"], variant["state"], variant["error"], variant["animated"]) == (
            *(True, "READY", None),
            False,
        )
        served = await client.http.get(variant["url"])
        assert (len(served.content), served.headers["content-type"]) == (variant["byteSize"], variant["contentType"])
        assert sha256_of(served.content).startswith(variant["version"])
        assert variant["storageUrl"]
    hidden: Json = {"metadata": {}, "storageUrl": None, "storageVariants": []}
    assert {name: seen[name] for name in hidden} == hidden
    assert {variant["storageUrl"] for variant in seen["stableVariants"]} == {None}
    # The owner is given any width, others those of presets.
    assert len(image["picture"]["sources"]) == len(seen["picture"]["sources"]) == 2
    told = {name for name in image if name not in {*hidden, "picture", "variant", "variants", "stableVariants"}}
    assert {name: seen[name] for name in told} == {name: image[name] for name in told}


async def test_the_viewer_and_the_server_tell_all_of_themselves(client: Client) -> None:
    data = await client.ask(f"{{ viewer {select_all('Viewer', 4)} server {select_all('ServerInfo')} }}")
    async with Client(client.base_url, key=None) as stranger:
        anyone = await stranger.ask(f"{{ server {select_all('ServerInfo')} }}")

    viewer, server = data["viewer"], data["server"]
    assert viewer["username"].startswith("person-")
    assert (viewer["plan"], viewer["status"]) == ("owner", "active")
    assert viewer["scopes"][0] == "IMAGES_READ"
    assert len(viewer["scopes"]) == 11
    assert (len(viewer["accountHash"]), viewer["accountHash"][0]) == (22, "_")
    assert viewer["stats"]["images"]["storageRemainingBytes"] is None
    assert viewer["limits"]["maxUploadBytes"] == server["maxUploadBytes"] == 104_857_600
    assert viewer["limits"]["storageQuotaBytes"] is None
    assert viewer["preferences"]["browserTtl"] == 172_800
    assert viewer["apiKeyLastUsedAt"] is not None
    assert anyone["server"] == server
    assert server["inputFormats"] == list(MEDIA_TYPES.values())
    assert server["outputFamilies"] == ["ORIGINAL", "JPEG", "PNG", "WEBP", "AVIF"]
    assert (server["maxPixels"], server["guestUploads"]) == (50_000_000, False)


async def test_a_private_image_is_absent_for_strangers_by_every_name(client: Client) -> None:
    session = await client.upload(make_jpeg(510, 300), visibility="PRIVATE", customId="secret")
    mine = (await client.ask("query ($id: ID!) { image(id: $id) { shortId } }", id=session.image_id))["image"]
    query = (
        "query ($id: ID!, $s: String!) { image(id: $id) { id } node(id: $id) { id } imagesByIds(ids: [$id]) { id } "
        'byShort: image(shortId: $s) { id } byCustom: image(customId: "secret") { id } }'
    )
    async with Client(client.base_url, key=None) as stranger:
        seen = await stranger.ask(query, id=session.image_id, s=mine["shortId"])

    assert seen == {"image": None, "node": None, "imagesByIds": [None], "byShort": None, "byCustom": None}
    assert (await client.ask(query, id=session.image_id, s=mine["shortId"]))["byShort"]["id"] == session.image_id


@pytest.mark.parametrize("query", ["{ images { nodes { id } } }", "{ viewer { id } }"])
async def test_what_belongs_to_an_account_needs_one(client: Client, query: str) -> None:
    async with Client(client.base_url, key=None) as stranger:
        response = await stranger.http.post("/graphql", json={"query": query})

    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHORIZED"
