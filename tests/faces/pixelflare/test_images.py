"""PixelFlare's images: ledger rows PF-05 to PF-36 and PF-47 to PF-52."""

import httpx

from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.http_client import open_http
from tests.support.pictures import make_jpeg, make_png, open_picture
from tests.support.pixelflare_api import create, error_of, list_ids, put, read, upload
from tests.support.residents import Person

WIDTHS = {"w128": 128, "w256": 256, "w512": 300, "w1024": 300, "w1536": 300, "w2048": 300}
USED = "{ viewer { stats { images { storageUsedBytes } } } }"
RESTORE = "mutation ($ids: [ID!]!) { restoreImages(ids: $ids) { failed { id } } }"


async def test_an_image_has_every_field_of_the_document(client: Client, person: Person) -> None:
    # PF-12 to PF-21, PF-23 to PF-28, PF-32
    content = make_jpeg(300, 200)
    fields = {"filename": "beach.jpg", "album": "vacation", "tags": ["beach", "summer"], "turnstile_token": "..."}

    image = await upload(client, content, **fields, alt="Sunset over the beach", is_private=False)

    created_at, uuid = image.pop("created_at"), image.pop("uuid")
    assert httpx.URL(image["cdn_url"]).path == f"/cdn/{person.username}/vacation/beach.jpg"
    assert (len(created_at), created_at[-1], len(uuid)) == (20, "Z", 36)
    variants = image.pop("variants")
    assert [variant["name"] for variant in variants] == ["small", "medium"]
    assert image == {
        "id": image["id"],
        "filename": "beach.jpg",
        "album": "vacation",
        "owner": person.username,
        "content_type": "image/jpeg",
        "size": len(content),
        "tags": ["beach", "summer"],
        "is_private": False,
        "cdn_url": image["cdn_url"],
        "alt": "Sunset over the beach",
        "width": 300,
        "height": 200,
        "status": image["status"],
        "deleted_at": None,
    }
    assert 8 <= len(image["id"]) <= 12
    assert image["id"].isalnum()


async def test_a_draft_is_there_before_its_bytes_and_is_not_listed(client: Client) -> None:
    # PF-22, PF-29
    draft = await create(client, filename="later.jpg")

    told = await read(client, f"/v1/images/{draft['id']}")

    assert draft == {**told, "upload_url": draft["upload_url"]}
    assert (told["status"], told["size"], told["content_type"]) == ("awaiting_upload", None, None)
    assert (told["album"], told["tags"], told["alt"], told["is_private"]) == (None, [], None, False)
    assert await list_ids(client) == []


async def test_an_upload_address_takes_one_file_and_tells_it_again(client: Client) -> None:
    # PF-30, K1, K2
    draft, content = await create(client), make_jpeg(301, 200)

    first, again = await put(draft["upload_url"], content), await put(draft["upload_url"], content)
    other = await put(draft["upload_url"], make_jpeg(302, 200))

    assert [first.status_code, again.status_code, other.status_code] == [201, 200, 409]
    assert first.json()["short_id"] == again.json()["short_id"] == draft["id"]
    assert other.json()["code"] == "UPLOAD_ALREADY_USED"


async def test_the_list_pages_by_cursor_to_its_end(client: Client) -> None:
    # PF-05, PF-06, PF-07, PF-11, K9
    images = [await upload(client, make_png(40 + n, 30)) for n in range(3)]
    uploaded = [image["id"] for image in images]
    for image in images:
        await client.wait_complete(image["uuid"])

    first = await read(client, "/v1/images", limit=2)
    second = await read(client, "/v1/images", limit=2, cursor=first["next_cursor"])
    clamped = await read(client, "/v1/images", limit=1_000)

    assert set(first) == {"data", "next_cursor"}
    assert [image["id"] for image in first["data"] + second["data"]] == uploaded[::-1]
    assert first["data"][0] == await read(client, f"/v1/images/{uploaded[2]}")
    assert second["next_cursor"] is None
    assert ([image["id"] for image in clamped["data"]], clamped["next_cursor"]) == (uploaded[::-1], None)


async def test_filters_by_album_tag_and_trash_are_all_applied(client: Client) -> None:
    # PF-08, PF-09, PF-10, PF-64
    beach = (await upload(client, make_png(50, 30), album="vacation", tags=["beach", "sun"]))["id"]
    city = (await upload(client, make_png(51, 30), album="vacation", tags=["city"]))["id"]
    home = (await upload(client, make_png(52, 30), tags=["beach"]))["id"]
    await client.http.delete(f"/v1/images/{city}")

    assert await list_ids(client, album="vacation") == [beach]
    assert await list_ids(client, tag="beach") == [home, beach]
    assert await list_ids(client, album="vacation", tag="beach") == [beach]
    assert await list_ids(client, tag=["beach", "sun"]) == [beach]
    assert await list_ids(client, album="no-such") == await list_ids(client, album="Not A Slug") == []
    assert await list_ids(client, include_deleted="true") == [home, city, beach]
    assert await list_ids(client, include_deleted="false") == [home, beach]


async def test_a_change_renames_moves_and_leaves_the_old_address_good(client: Client) -> None:
    # PF-33
    image = await upload(client, make_jpeg(303, 200), filename="beach.jpg", album="vacation", tags=["a"], alt="One")
    await client.http.post("/v1/albums", json={"slug": "photos"})
    wanted = {"filename": "beach-sunset.jpg", "album": "photos", "tags": ["beach", "sunset"], "alt": "Beautiful sunset"}

    answer = await client.http.patch(f"/v1/images/{image['id']}", json=wanted)

    changed = answer.json()
    assert answer.status_code == 200
    assert {key: changed[key] for key in wanted} == wanted
    old = await client.http.get(image["cdn_url"])
    assert old.status_code == 301
    assert (await client.http.get(changed["cdn_url"])).status_code == 200
    cleared = await client.http.patch(f"/v1/images/{image['id']}", json={"album": None, "tags": None, "alt": None})
    assert [cleared.json()[key] for key in ("filename", "album", "tags", "alt")] == ["beach-sunset.jpg", None, [], None]
    private = await client.http.patch(f"/v1/images/{image['id']}", json={"is_private": True})
    assert private.json()["is_private"] is True


async def test_a_deleted_image_is_gone_from_its_address_and_can_be_restored(client: Client) -> None:
    # PF-34, K5
    image = await upload(client, make_jpeg(304, 200))

    answer = await client.http.delete(f"/v1/images/{image['id']}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await read(client, f"/v1/images/{image['id']}"))["deleted_at"] is not None
    assert (await client.http.get(image["cdn_url"])).status_code == 404
    assert (await client.ask(RESTORE, ids=[image["uuid"]]))["restoreImages"]["failed"] == []
    assert await list_ids(client) == [image["id"]]
    assert (await client.http.get(image["cdn_url"])).status_code == 200


async def test_variants_are_accepted_at_once_and_told_when_they_are_ready(client: Client) -> None:
    # PF-35, PF-36, PF-48
    image = await upload(client, make_jpeg(305, 200))

    answer = await client.http.post(f"/v1/images/{image['id']}/variants", json={"variants": ["w512", "thumb"]})

    assert answer.status_code == 202
    assert set(answer.json()) == set(image)
    assert [variant["name"] for variant in answer.json()["variants"]] == ["small", "medium", "w512", "thumb"]
    await client.wait_complete(image["uuid"])
    ready = await read(client, f"/v1/images/{image['id']}")
    assert ready["status"] == "ready"
    assert {variant["name"]: variant["ready"] for variant in ready["variants"]} == dict.fromkeys(
        ("small", "medium", "w512", "thumb"), True
    )
    thumb = ready["variants"][3]
    assert thumb["url"] == image["cdn_url"] + "/thumb"
    assert open_picture((await client.http.get(thumb["url"])).content).size == (128, 128)


async def test_every_preset_of_the_document_is_at_its_address(client: Client) -> None:
    # PF-47, PF-48, PF-50, PF-51, PF-52, K4, K15
    content = make_jpeg(300, 201)
    image = await upload(client, content, filename="presets.jpg", album="sizes")

    widths = {name: await size_of(client, f"{image['cdn_url']}/{name}") for name in (*WIDTHS, "thumb", "og-image")}

    assert {name: width for name, (width, _) in widths.items() if name in WIDTHS} == WIDTHS
    assert (widths["thumb"], widths["og-image"]) == ((128, 128), (1200, 630))
    assert await size_of(client, image["cdn_url"]) == (300, 201)


async def test_short_addresses_lie_at_the_root_of_the_cdn_and_below_i(client: Client) -> None:
    # PF-49, PF-31, K13: the extension may be missing
    image = await upload(client, make_jpeg(306, 200), filename="short.jpg", album="short")
    cdn = image["cdn_url"].removesuffix(f"/{image['owner']}/short/short.jpg")

    for address in (
        f"/{image['id']}",
        f"/i/{image['id']}",
        f"/i/{image['id']}/thumb",
        f"/{image['owner']}/short/short",
    ):
        assert (await client.http.get(cdn + address)).status_code == 200, address


async def test_a_private_image_is_nobody_elses_to_see(client: Client) -> None:
    # PF-19, PF-27, K10
    image = await upload(client, make_jpeg(307, 200), is_private=True)

    async with open_http() as nobody:
        stranger = await nobody.get(image["cdn_url"])

    assert image["is_private"] is True
    assert stranger.status_code == 404
    assert (await client.http.get(image["cdn_url"])).status_code == 200


async def size_of(client: Client, url: str) -> tuple[int, int]:
    """Of the picture at an address."""
    answer = await client.http.get(url)
    assert answer.status_code == 200, answer.text
    return open_picture(answer.content).size


async def test_a_draft_reserves_nothing_and_the_quota_counts_when_the_bytes_come(people: People) -> None:
    # PF-22, PF-30: nobody has said how large the file will be
    content, other = make_png(800, 500, noise=True), make_png(801, 500, noise=True)
    assert 500_000 < len(content) < 1_000_000
    async with people.client(await people.add("small")) as client:
        drafts = [await create(client) for _ in range(3)]
        reserved = (await client.ask(USED))["viewer"]["stats"]["images"]["storageUsedBytes"]

        first, second = await put(drafts[0]["upload_url"], content), await put(drafts[1]["upload_url"], other)
        small = await put(drafts[1]["upload_url"], make_png(64, 40))

    assert int(reserved) == 0
    assert first.status_code == 201
    assert (second.status_code, second.json()["code"]) == (413, "QUOTA_EXCEEDED")
    # The session was not spent by it.
    assert small.status_code == 201


async def test_a_hundred_drafts_may_wait_for_their_bytes(client: Client) -> None:
    # PF-22, PF-61
    drafts = [await create(client) for _ in range(100)]

    refused = await client.http.post("/v1/images", json={})
    await put(drafts[0]["upload_url"], make_png(65, 40))
    again = await client.http.post("/v1/images", json={})

    assert error_of(refused) == (429, "RATE_LIMITED", None)
    assert again.status_code == 201
