"""Direct creator uploads: one-time URLs in every way of asking for one, their times, and what happens at them."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from app.db.engine import utc_now
from app.db.uploads import find_session_of_image
from app.ids import ImageId
from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.cloudflare_api import IMAGES_PATH, Json, ask, error_of, fetch, path_of, result_of, send
from tests.support.http_client import open_http
from tests.support.pictures import make_jpeg
from tests.support.site_rows import change_session, open_rows

SAID = {"requireSignedURLs": "false", "metadata": '{"userId":"12345"}', "creator": "u-1"}


async def open_url(client: Client, **fields: object) -> Json:
    opened: Json = await ask(client, "POST", "/v2/direct_upload", json=fields)
    return opened


@pytest.mark.parametrize(
    "request_of",
    [
        {"json": {"requireSignedURLs": False, "metadata": {"userId": "12345"}, "creator": "u-1"}},
        {"json": {**SAID, "requireSignedURLs": False}},
        {"data": SAID},
        {"files": {name: (None, value) for name, value in SAID.items()}},
    ],
    ids=["JSON", "JSON with metadata as text", "urlencoded", "multipart"],
)
async def test_a_one_time_url_is_asked_for_as_json_and_as_a_form(client: Client, request_of: Json) -> None:
    # CI-16 to CI-18, CI-21
    opened = await ask(client, "POST", "/v2/direct_upload", **request_of)

    assert set(opened) == {"id", "uploadURL"}
    draft = await ask(client, "GET", path_of(opened["id"]))
    assert (draft["draft"], draft["meta"], draft["creator"]) == (True, {"userId": "12345"}, "u-1")
    assert "filename" not in draft
    assert opened["uploadURL"].startswith(client.base_url)


async def test_a_private_direct_upload_is_private(client: Client) -> None:
    # CI-17
    opened = await open_url(client, requireSignedURLs=True)

    answer = await send(opened["uploadURL"], make_jpeg(500, 300))

    assert result_of(answer)["requireSignedURLs"]
    assert (await fetch(result_of(answer)["variants"][0])).status_code == 404


@pytest.mark.parametrize(
    ("expiry", "is_taken"),
    [
        (timedelta(minutes=2), True),
        (timedelta(minutes=3), True),
        (timedelta(hours=6), True),
        (timedelta(minutes=1), False),
        (timedelta(hours=6, minutes=10), False),
        (timedelta(days=-1), False),
        ("9999-12-31T23:59:59Z", False),
        ("tomorrow", False),
        ("", True),
    ],
)
async def test_a_one_time_url_lives_two_minutes_to_six_hours(
    client: Client, expiry: str | timedelta, *, is_taken: bool
) -> None:
    # CI-19
    if isinstance(expiry, timedelta):
        expiry = (datetime.now(UTC) + expiry).isoformat().replace("+00:00", "Z")

    answer = await client.http.post(f"{IMAGES_PATH}/v2/direct_upload", json={"expiry": expiry})

    assert answer.is_success if is_taken else error_of(answer) == (400, 5400)


async def test_a_one_time_url_lives_half_an_hour_where_nothing_is_said(people: People, client: Client) -> None:
    # CI-19, CI-60, CI-62
    opened = await ask(client, "POST", "/v2/direct_upload")
    async with open_rows(people.site) as database, database.read() as db:
        session = await find_session_of_image(db, ImageId(UUID(opened["id"])))
    assert session is not None
    assert session.expires_at - session.created_at == timedelta(minutes=30)

    await change_session(people.site, str(session.id), expires_at=utc_now() - timedelta(minutes=1))

    assert error_of(await send(opened["uploadURL"], make_jpeg(501, 300))) == (410, 5410)
    assert error_of(await client.http.get(IMAGES_PATH + path_of(opened["id"]))) == (404, 5404)


async def test_a_one_time_url_takes_one_file(client: Client) -> None:
    # CI-16, CI-22: the same file once more is answered as the first time, as that answer may have been lost
    opened = await open_url(client)
    first = await send(opened["uploadURL"], make_jpeg(502, 300))

    again = await send(opened["uploadURL"], make_jpeg(502, 300))
    other = await send(opened["uploadURL"], make_jpeg(503, 300))

    assert result_of(first) == result_of(again)
    assert error_of(other) == (409, 5409)


async def test_pages_of_every_origin_may_send_to_a_one_time_url(client: Client) -> None:
    # CI-22
    opened = await open_url(client)
    origin = {"Origin": "https://shop.example"}

    async with open_http() as browser:
        preflight = await browser.options(
            opened["uploadURL"], headers={**origin, "Access-Control-Request-Method": "POST"}
        )
    refused = await send(opened["uploadURL"], b"no picture", headers=origin)
    opened = await open_url(client)
    taken = await send(opened["uploadURL"], make_jpeg(504, 300), headers=origin)

    assert (preflight.status_code, refused.status_code, taken.status_code) == (204, 415, 200)
    assert {answer.headers["access-control-allow-origin"] for answer in (preflight, refused, taken)} == {"*"}


async def test_only_the_token_opens_and_only_its_own_image(client: Client) -> None:
    # CI-22, CI-51
    first, second = [urlsplit((await open_url(client))["uploadURL"]) for _ in range(2)]
    root = client.base_url

    answers = [
        await send(f"{root}{first.path}", make_jpeg(505, 300)),
        await send(f"{root}{first.path}?token=slu_wrong", make_jpeg(505, 300)),
        await send(f"{root}{first.path}?{second.query}", make_jpeg(505, 300)),
        await send(f"{root}{first.path}?token={client.key}", make_jpeg(505, 300)),
    ]

    assert [error_of(answer) for answer in answers] == [(401, 10000)] * 4
    assert (await send(f"{root}{first.path}?{first.query}", make_jpeg(505, 300))).status_code == 200


async def test_what_is_no_form_with_a_file_leaves_the_url_open(client: Client) -> None:
    # CI-22
    url = (await open_url(client))["uploadURL"]

    async with open_http() as nobody:
        raw = await nobody.post(url, content=make_jpeg(506, 300))
        without = await nobody.post(url, files={"picture": ("a.jpg", make_jpeg(506, 300))})
        read = await nobody.get(url)

    assert [error_of(answer) for answer in (raw, without, read)] == [(415, 5415), (400, 5400), (405, 5405)]
    assert (await send(url, make_jpeg(506, 300))).status_code == 200


async def test_a_draft_may_have_a_custom_id_and_be_deleted(client: Client) -> None:
    # CI-20, CI-34, CI-35
    opened = await open_url(client, id="users/7/avatar")
    assert opened["id"] == "users/7/avatar"
    assert error_of(await client.http.get(f"{IMAGES_PATH}{path_of('users/7/avatar')}/blob")) == (404, 5404)

    await ask(client, "DELETE", path_of("users/7/avatar"))

    assert error_of(await client.http.get(IMAGES_PATH + path_of("users/7/avatar"))) == (404, 5404)
    assert error_of(await send(opened["uploadURL"], make_jpeg(507, 300))) == (410, 5410)
    assert (await open_url(client, id="users/7/avatar"))["id"] == "users/7/avatar"
    both = await client.http.post(f"{IMAGES_PATH}/v2/direct_upload", json={"id": "private", "requireSignedURLs": True})
    assert error_of(both) == (400, 5400)


async def test_a_file_belongs_to_the_upload_url(client: Client) -> None:
    # CI-16, CI-22
    answer = await client.http.post(f"{IMAGES_PATH}/v2/direct_upload", files={"file": ("a.jpg", make_jpeg(508, 300))})

    assert error_of(answer) == (400, 5400)


async def test_two_people_who_send_the_same_file_have_an_image_each(client: Client) -> None:
    # CI-16, CI-18, CI-21
    one, other = await open_url(client, metadata={"u": 1}), await open_url(client, metadata={"u": 2})

    for opened in (one, other):
        assert (await send(opened["uploadURL"], make_jpeg(509, 300))).status_code == 200

    assert [(await ask(client, "GET", path_of(each["id"])))["meta"] for each in (one, other)] == [{"u": 1}, {"u": 2}]
