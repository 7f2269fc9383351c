"""PixelFox's profile, numbers of albums, credentials and errors: ledger rows PX-01 to PX-31."""

from datetime import UTC, datetime

import pytest

from app.domain.access import Scope
from tests.support.accounts_fixture import People
from tests.support.http_client import open_http
from tests.support.pictures import make_jpeg
from tests.support.pixelfox_api import Fox, Json, custom, error_of
from tests.support.residents import PASSWORD

SIGN_IN = "mutation ($name: String!, $word: String!) { signIn(username: $name, password: $word) { accessToken } }"
SMALL = {"family": "webp", "size": "small"}


async def test_the_profile_has_every_field_of_the_document(people: People) -> None:
    # PX-05 to PX-21
    person = await people.add("small", email="pete@example.org", password=PASSWORD)
    content = make_jpeg(650, 400)
    async with Fox(people.site, person) as fox:
        await fox.native.ask(SIGN_IN, name=person.username, word=PASSWORD)
        await fox.add_album("one")
        await fox.upload(content)

        profile = await fox.read("/user/profile")

    moments = [profile.pop(name) for name in ("created_at", "last_login_at", "api_key_last_used_at")]
    assert all(read_moment(moment) <= datetime.now(UTC) for moment in moments)
    assert profile == {
        "id": profile["id"],
        "username": person.username,
        "email": "pete@example.org",
        "status": "active",
        "plan": "small",
        "stats": {
            "images": {
                "count": 1,
                "storage_used_bytes": len(content),
                "storage_remaining_bytes": 1_000_000 - len(content),
            },
            "albums": {"count": 1},
        },
        "limits": {
            "max_upload_bytes": 100 * 1024 * 1024,
            "storage_quota_bytes": 1_000_000,
            "can_multi_upload": True,
            "image_upload_enabled": True,
            "direct_upload_enabled": True,
            "allowed_thumbnail_formats": ["original", "webp", "avif"],
        },
        "preferences": {"thumbnail_original": True, "thumbnail_webp": True, "thumbnail_avif": True},
    }


async def test_a_new_account_without_limits_has_nulls_where_there_is_nothing(fox: Fox) -> None:
    # PX-07, PX-10, PX-13, PX-16
    profile = await fox.read("/user/profile")

    assert (profile["last_login_at"], profile["email"]) == (None, "")
    assert profile["stats"]["images"]["storage_remaining_bytes"] is None
    assert profile["limits"]["storage_quota_bytes"] is None


async def test_numbers_are_small_stable_and_of_one_thing_each(people: People, fox: Fox) -> None:
    # PX-06, PX-24, K8
    for slug in ("one", "two"):
        await fox.add_album(slug)

    first, again = await fox.read("/albums"), await fox.read("/albums")
    own = (await fox.read("/user/profile"))["id"]
    async with Fox(people.site, await people.add()) as other:
        others = (await other.read("/user/profile"))["id"]

    assert first == again
    assert [(album["slug"], album["title"]) for album in first["albums"]] == [("two", "two"), ("one", "one")]
    numbers = [own, others, *(album["id"] for album in first["albums"])]
    assert len(set(numbers)) == 4
    assert all(isinstance(number, int) and 0 < number < 1_000 for number in numbers)
    assert (await fox.read("/user/profile"))["id"] == own


async def test_only_an_own_album_takes_an_upload(people: People, fox: Fox) -> None:
    # PX-24
    await fox.add_album("mine")
    [album] = (await fox.read("/albums"))["albums"]
    own = (await fox.read("/user/profile"))["id"]

    async with Fox(people.site, await people.add()) as stranger:
        answers = [await stranger.http.post("/upload/sessions", json={"file_size": 9, "album_id": album["id"]})]
        for number in (own, 0, -1, 999_999, 2**31, 2**62):
            body = {"file_size": 9, "album_id": number}
            answers.append(await stranger.http.post("/upload/sessions", json=body))

    assert [error_of(answer) for answer in answers] == [(404, "not_found", "album_id")] * 7


async def test_both_headers_are_taken_and_nothing_else(people: People, fox: Fox) -> None:
    # PX-03, PX-04
    uuid = (await fox.upload(make_jpeg(651, 400)))["image_uuid"]
    key = fox.person.key
    paths = ("/user/profile", "/albums", f"/images/{uuid}", f"/images/{uuid}/status")
    good: list[dict[str, str]] = [{"X-API-Key": key}, {"Authorization": f"Bearer {key}"}]
    bad: list[dict[str, str]] = [{}, {"X-API-Key": "pxl_nothing"}, {"Authorization": "Bearer pxl_nothing"}]

    async with open_http(f"{fox.base_url}/api/v1") as http:
        taken = [await http.get(path, headers=headers) for headers in good for path in paths]
        refused = [await http.get(path, headers=headers) for headers in bad for path in paths]
        # The server lets guests upload; this API has none.
        refused += [await http.post("/upload/sessions", json={"file_size": 9}, headers=headers) for headers in bad]

    assert [answer.status_code for answer in taken] == [200] * len(taken)
    assert [error_of(answer) for answer in refused] == [(401, "unauthorized", None)] * len(refused)


async def test_a_key_without_the_scope_and_a_closed_plan_are_forbidden(people: People, fox: Fox) -> None:
    # PX-18, PX-19
    reader = await people.add_key(fox.person, Scope.IMAGES_READ)

    async with Fox(people.site, reader) as weak, Fox(people.site, await people.add("closed")) as closed:
        answers = [
            await weak.http.post("/upload/sessions", json={"file_size": 9}),
            await weak.http.get("/user/profile"),
            await closed.http.post("/upload/sessions", json={"file_size": 9}),
        ]
        switch = (await closed.read("/user/profile"))["limits"]["image_upload_enabled"]

    assert [error_of(answer) for answer in answers] == [(403, "forbidden", None)] * 3
    assert switch is False


async def test_limits_of_bytes_quota_and_rate_are_told_in_pixelfoxs_words(people: People, fox: Fox) -> None:
    # PX-15, PX-16, PX-38
    limit = (await fox.read("/user/profile"))["limits"]["max_upload_bytes"]
    large = await fox.http.post("/upload/sessions", json={"file_size": limit + 1})
    async with Fox(people.site, await people.add("small")) as poor, Fox(people.site, await people.add("daily")) as slow:
        full = await poor.http.post("/upload/sessions", json={"file_size": 1_000_001})
        many = [await slow.http.post("/upload/sessions", json={"file_size": 9}) for _ in range(5)]

    assert error_of(large) == (413, "payload_too_large", None)
    assert large.json()["details"] == {"max_bytes": limit}
    assert error_of(full)[:2] == (413, "quota_exceeded")
    assert (full.json()["details"]["remaining"], full.json()["details"]["needed"]) == (1_000_000, 1_000_001)
    assert error_of(many[-1])[:2] == (429, "rate_limited")
    assert "retry-after" in many[-1].headers


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"file_size": None}, "file_size"),
        ({"file_size": 0}, "file_size"),
        ({"file_size": -5}, "file_size"),
        ({"file_size": "9"}, "file_size"),
        ({"file_size": 1.5}, "file_size"),
        ({"file_size": True}, "file_size"),
        ({"file_size": 2**70}, "file_size"),
        ({"album_id": "42"}, "album_id"),
        ({"album_id": False}, "album_id"),
        ({"is_nsfw": "yes"}, "is_nsfw"),
        ({"processing": "custom"}, "processing"),
        ({"processing": {"profile": "legacy"}}, "processing.profile"),
        ({"processing": {"profile": "best"}}, "processing.profile"),
        ({"processing": {"profile": 7}}, "processing.profile"),
        ({"processing": {"profile": "custom"}}, "processing.derivatives"),
        ({"processing": {"derivatives": [SMALL]}}, "processing.derivatives"),
        ({"processing": custom([])}, "processing.derivatives"),
        ({"processing": {"profile": "custom", "derivatives": ["webp"]}}, "processing.derivatives"),
        ({"processing": custom([{"family": "webp"}])}, "processing.derivatives"),
        ({"processing": custom([{"family": "bmp", "size": "small"}])}, "processing.derivatives"),
        ({"processing": custom([{"family": "webp", "size": f"w{n}"} for n in range(61)])}, "processing.derivatives"),
    ],
    ids=lambda value: repr(value)[:50],
)
async def test_a_session_that_cannot_be_is_refused_by_field(fox: Fox, change: Json, field: str) -> None:
    # PX-23, PX-24, PX-25, PX-29, PX-31
    answer = await fox.http.post("/upload/sessions", json={"file_size": 1_000, **change})

    assert error_of(answer) == (400, "bad_request", field)


async def test_what_nobody_makes_is_refused_by_name(fox: Fox) -> None:
    gigantic = {"family": "webp", "size": "gigantic"}

    answer = await fox.http.post("/upload/sessions", json={"file_size": 9, "processing": custom([SMALL, gigantic])})

    assert error_of(answer) == (400, "derivative_not_allowed", "processing.derivatives")


async def test_what_the_plan_does_not_make_is_refused_by_name(people: People) -> None:
    # PX-20, PX-29
    async with Fox(people.site, await people.add("webless")) as fox:
        formats = (await fox.read("/user/profile"))["limits"]["allowed_thumbnail_formats"]
        answer = await fox.http.post("/upload/sessions", json={"file_size": 9, "processing": custom([SMALL])})

    assert formats == ["original", "avif"]
    assert error_of(answer) == (400, "derivative_not_allowed", "processing.derivatives")
    assert answer.json()["details"]["derivatives"] == [SMALL]


@pytest.mark.parametrize(
    ("method", "path", "content", "wanted"),
    [
        ("GET", "/", b"", (404, "not_found", None)),
        ("GET", "/images", b"", (404, "not_found", None)),
        ("DELETE", "/user/profile", b"", (405, "bad_request", None)),
        ("GET", "/upload/sessions", b"", (405, "bad_request", None)),
        ("POST", "/upload/sessions", b"", (400, "bad_request", "body")),
        ("POST", "/upload/sessions", b"file_size=9", (400, "bad_request", "body")),
        ("POST", "/upload/sessions", b"[9]", (400, "bad_request", "body")),
        ("POST", "/upload/sessions", b" " * 70_000, (413, "payload_too_large", None)),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_what_is_not_there_is_told_in_pixelfoxs_shape(
    fox: Fox, method: str, path: str, content: bytes, wanted: tuple[int, str, str | None]
) -> None:
    # PX-01, PX-02, K7
    assert error_of(await fox.http.request(method, path, content=content)) == wanted


def read_moment(text: str) -> datetime:
    """Of UTC, to the second."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
