"""PixelFox's sessions, uploads, status and images: ledger rows PX-22 to PX-63."""

import time

import pytest

from app.domain.states import ImageState
from tests.support.accounts_fixture import People
from tests.support.http_client import open_http
from tests.support.pictures import make_jpeg, make_png, open_picture
from tests.support.pixelfox_api import Fox, Json, custom, error_of
from tests.support.site_rows import change_image

DEFAULT = [(family, size) for family in ("webp", "avif", "original") for size in ("small", "medium")]
SMALL = [{"family": "webp", "size": "small"}, {"family": "avif", "size": "small"}]
SET_PREFERENCES = (
    "mutation ($input: UpdatePreferencesInput!) { updatePreferences(input: $input) { viewer { username } } }"
)


async def test_a_session_has_every_field_of_the_document(fox: Fox) -> None:
    # PX-22, PX-23, PX-24, PX-33, PX-34, PX-35, PX-36, PX-37, PX-38, PX-39, PX-40, K3, K12
    await fox.add_album("fields")
    [album] = (await fox.read("/albums"))["albums"]
    asked_at = time.time()

    session = await fox.open(1_000, album_id=album["id"], is_nsfw=True, processing=custom(SMALL))

    assert session == {
        "upload_url": f"{fox.base_url}/api/v1/upload",
        "token": session["token"],
        "pool_id": 1,
        "album_id": album["id"],
        "is_nsfw": True,
        "expires_at": session["expires_at"],
        "max_bytes": 1_000,
        "processing": {"profile": "custom", "keep_original": True, "derivatives": SMALL},
    }
    assert isinstance(session["expires_at"], int)
    assert asked_at + 1_799 <= session["expires_at"] <= time.time() + 1_801
    assert len(session["token"]) > 40


async def test_a_session_without_an_album_names_none(fox: Fox) -> None:
    # PX-36
    assert "album_id" not in await fox.open(1_000)
    assert "album_id" not in await fox.open(1_000, album_id=None, is_nsfw=None, processing=None)


@pytest.mark.parametrize(
    ("processing", "profile", "derivatives"),
    [
        (None, "default", DEFAULT),
        ({}, "default", DEFAULT),
        ({"profile": "default"}, "default", DEFAULT),
        ({"profile": "original_only"}, "original_only", []),
        ({"profile": "custom", "derivatives": SMALL}, "custom", [("webp", "small"), ("avif", "small")]),
        (
            {"profile": "custom", "derivatives": [{"family": "original", "size": "original"}]},
            "custom",
            [("original", "original")],
        ),
    ],
    ids=str,
)
async def test_every_profile_becomes_the_policy_that_it_names(
    fox: Fox, processing: Json | None, profile: str, derivatives: list[tuple[str, str]]
) -> None:
    # PX-26, PX-27, PX-28, PX-29, PX-30, PX-32, PX-39, PX-49, PX-53
    content = make_jpeg(640, 400 + len(derivatives) + len(profile))
    session = await fox.open(len(content), **({"processing": processing} if processing is not None else {}))

    resource = (await fox.send(session, content)).json()

    wanted = [{"family": family, "size": size} for family, size in derivatives]
    assert session["processing"] == {"profile": profile, "keep_original": True, "derivatives": wanted}
    assert resource["processing"] == session["processing"]
    finished = await fox.finish(resource["image_uuid"])
    made = {(family, size) for family, sizes in finished["variants"].items() for size in sizes}
    assert made == {("original", "original"), *derivatives}
    assert set(finished["planned_variants"]) == {family for family, _ in made}


async def test_preferences_are_frozen_when_the_session_opens(fox: Fox) -> None:
    # PX-21, PX-25, PX-27
    before = await fox.open(1_000)
    await fox.native.ask(SET_PREFERENCES, input={"thumbnailAvif": False, "nsfwDefault": True})
    content = make_jpeg(641, 400)

    after, explicit = await fox.open(len(content)), await fox.open(1_000, is_nsfw=False)

    assert [before["is_nsfw"], after["is_nsfw"], explicit["is_nsfw"]] == [False, True, False]
    families = [{each["family"] for each in session["processing"]["derivatives"]} for session in (before, after)]
    assert families == [{"original", "webp", "avif"}, {"original", "webp"}]
    assert (await fox.read("/user/profile"))["preferences"]["thumbnail_avif"] is False


async def test_an_upload_answers_with_every_field_of_the_document(fox: Fox) -> None:
    # PX-41 to PX-55
    content = make_jpeg(642, 400)

    resource = await fox.upload(content, is_nsfw=True, processing=custom(SMALL))

    uuid = resource["image_uuid"]
    stable_url = f"{fox.base_url}/f/{uuid}/original/original.jpg"
    assert (resource["url"], resource["stable_url"], resource["duplicate"]) == (stable_url, stable_url, False)
    assert resource["view_url"].startswith("/i/")
    assert resource["storage_url"] not in {None, stable_url}
    assert resource["is_nsfw"] is True
    assert resource["available_variants"][0] == "original"
    assert resource["processing"] == {"profile": "custom", "keep_original": True, "derivatives": SMALL}
    assert resource["variants"]["original"]["original"]["url"] == stable_url
    assert resource["stable_variants"]["original"]["original"] == {"url": stable_url, "ready": True}
    small = {family: resource["stable_variants"][family]["small"]["url"] for family in ("webp", "avif")}
    assert small == {family: f"{fox.base_url}/f/{uuid}/{family}/small.{family}" for family in ("webp", "avif")}
    assert resource["planned_variants"] == ["original", "webp", "avif"]
    assert set(resource["storage_variants"]) == set(resource["variants"])


async def test_the_finished_resource_tells_one_truth_about_what_is_ready(fox: Fox) -> None:
    # PX-48, PX-50, PX-51, PX-52, PX-53, PX-54, PX-58, PX-59, PX-60, PX-61, PX-62
    uploaded = await fox.upload(make_jpeg(643, 400))

    image = await fox.finish(uploaded["image_uuid"])

    assert set(image) == set(uploaded) - {"duplicate"}
    ready = {family: set(sizes) for family, sizes in image["variants"].items()}
    promised = image["stable_variants"]
    assert ready == {family: set(sizes) for family, sizes in promised.items()}
    assert ready == {family: set(sizes) for family, sizes in image["storage_variants"].items()}
    assert set(image["available_variants"]) == set(image["planned_variants"]) == set(ready)
    for family, sizes in image["variants"].items():
        for size, file in sizes.items():
            assert promised[family][size] == {"url": file["url"], "ready": True}
            answer = await fox.http.get(file["url"])
            assert (answer.status_code, answer.headers["content-type"]) == (200, file["mime_type"])
            assert len(answer.content) == file["bytes"]
            assert open_picture(answer.content).size == (file["width"], file["height"])


async def test_small_and_medium_are_as_wide_as_pixelfoxs_and_never_enlarged(fox: Fox) -> None:
    # PX-63, K15
    large = await fox.finish((await fox.upload(make_jpeg(644, 400)))["image_uuid"])
    little = await fox.finish((await fox.upload(make_png(90, 60)))["image_uuid"])

    widths = [[image["variants"]["webp"][size]["width"] for size in ("small", "medium")] for image in (large, little)]
    assert widths == [[200, 500], [90, 90]]


async def test_the_same_file_again_is_told_to_be_a_duplicate(fox: Fox) -> None:
    # PX-54
    content = make_jpeg(645, 400)

    first, second = await fox.upload(content), await fox.upload(content)

    assert (first["duplicate"], second["duplicate"]) == (False, True)
    assert first["image_uuid"] == second["image_uuid"]


async def test_a_token_is_good_for_its_own_file_once(fox: Fox) -> None:
    # PX-40, PX-41, K1, K2, K6
    content = make_jpeg(646, 400)
    session = await fox.open(len(content))

    too_long = await fox.send(await fox.open(len(content) - 1), content)
    first, again = await fox.send(session, content), await fox.send(session, content)
    other = await fox.send(session, make_jpeg(40, 30))

    assert error_of(too_long)[:2] == (413, "payload_too_large")
    assert too_long.json()["details"] == {"max_bytes": len(content) - 1}
    assert [first.status_code, again.status_code] == [200, 200]
    assert first.json()["image_uuid"] == again.json()["image_uuid"]
    assert error_of(other)[:2] == (409, "upload_already_used")


async def test_an_upload_without_a_good_token_is_refused(fox: Fox) -> None:
    # PX-40, PX-41
    late = await fox.open(1_000)
    await fox.let_expire(late)
    files = {"file": ("beispiel.jpg", make_jpeg(40, 30))}

    async with open_http(f"{fox.base_url}/api/v1") as http:
        answers = [
            await http.post("/upload", files=files, headers=headers)
            for headers in (
                {},
                {"X-API-Key": fox.person.key},
                {"Authorization": f"Bearer {fox.person.key}"},
                {"Authorization": "Bearer slu_nothing"},
                {"Authorization": "Basic abc"},
            )
        ]
        expired = await http.post("/upload", files=files, headers={"Authorization": f"Bearer {late['token']}"})

    assert [error_of(answer) for answer in answers] == [(401, "unauthorized", None)] * 5
    assert error_of(expired)[:2] == (410, "upload_expired")


async def test_what_is_no_form_or_no_picture_is_refused(fox: Fox) -> None:
    # PX-41: 400 and 415
    session = await fox.open(5_000)
    headers = {"Authorization": f"Bearer {session['token']}"}

    raw = await fox.http.post("/upload", content=make_jpeg(), headers=headers)
    nameless = await fox.http.post("/upload", files={"other": ("a.jpg", b"abc")}, headers=headers)
    page = await fox.send(session, b"<html><script>1</script></html>" * 10)

    assert error_of(raw) == (400, "bad_request", "Content-Type")
    assert error_of(nameless) == (400, "bad_request", "file")
    assert error_of(page)[:2] == (415, "unsupported_media_type")


async def test_the_status_tells_completion_failure_and_the_page(people: People, fox: Fox) -> None:
    # PX-43, PX-56, PX-57
    image = await fox.upload(make_jpeg(647, 400), processing=custom(SMALL))
    uuid = image["image_uuid"]
    await fox.finish(uuid)
    done = await fox.read(f"/images/{uuid}/status")
    await change_image(people.site, uuid, state=ImageState.FAILED)

    failed = await fox.read(f"/images/{uuid}/status")

    assert done == {"complete": True, "failed": False, "view_url": image["view_url"]}
    assert failed == {"complete": True, "failed": True, "view_url": image["view_url"]}
    await change_image(people.site, uuid, state=ImageState.READY)
    page = await fox.http.get(fox.base_url + image["view_url"], headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (200, "text/html")


async def test_the_status_of_a_file_that_will_never_come_is_failed(fox: Fox) -> None:
    # PX-56, PX-57
    session = await fox.open(1_000)
    uuid = await fox.draft_of(session)
    waiting = await fox.read(f"/images/{uuid}/status")
    await fox.let_expire(session)

    over = await fox.read(f"/images/{uuid}/status")

    assert (waiting["complete"], waiting["failed"]) == (False, False)
    assert (over["complete"], over["failed"]) == (True, True)


async def test_a_strangers_image_is_there_where_it_is_public_and_says_not_where_it_lies(
    people: People, fox: Fox
) -> None:
    # PX-46, PX-58
    public, private = await fox.upload(make_jpeg(648, 400)), await fox.upload(make_jpeg(649, 400))
    hide = "mutation ($id: ID!) { updateImage(input: {id: $id, visibility: PRIVATE}) { image { id } } }"
    await fox.native.ask(hide, id=private["image_uuid"])

    async with Fox(people.site, await people.add()) as stranger:
        seen = await stranger.read(f"/images/{public['image_uuid']}")
        answers = [
            await stranger.http.get(f"/images/{name}{rest}")
            for name in (private["image_uuid"], "0" * 36, "nothing", public["image_uuid"] + "0")
            for rest in ("", "/status")
        ]

    assert (seen["storage_url"], seen["storage_variants"]) == (None, {})
    assert seen["url"] == public["url"]
    assert [error_of(answer) for answer in answers] == [(404, "not_found", None)] * len(answers)
    assert (await fox.read(f"/images/{private['image_uuid']}"))["image_uuid"] == private["image_uuid"]
