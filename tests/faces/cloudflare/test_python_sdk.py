"""The official SDK from PyPI, of which only the base URL is changed, runs the whole life of an image.

Each test names the ledger's rows that it covers.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from cloudflare import APIStatusError, AsyncCloudflare, AuthenticationError, ConflictError, NotFoundError
from cloudflare.types.images import Image

from app.services.delivery.delivery_urls import DEFAULT_SIZE
from tests.support.accounts_fixture import People
from tests.support.client import Client
from tests.support.cloudflare_api import ACCOUNT, Json, fetch, sdk_of, send, sign
from tests.support.pictures import make_jpeg, make_png, open_picture
from tests.support.residents import Person

HERO = {"fit": "cover", "width": 120, "height": 60, "metadata": "none"}
CUSTOM_ID = "trips/2026/100% Börse ☀"


def facts_of(image: Image) -> Json:
    """What the SDK read; of an image that comes alone it keeps the name on the line beside its own."""
    return {name: value for name, value in image.model_dump().items() if name != "requireSignedURLs"}


@pytest.fixture
async def sdk(people: People, person: Person, client: Client) -> AsyncIterator[AsyncCloudflare]:
    # `client` looks for faults of the server at the end.
    async with sdk_of(people.site, person) as sdk:
        yield sdk


async def test_an_image_is_uploaded_read_listed_changed_and_deleted(sdk: AsyncCloudflare) -> None:
    # CI-04, CI-05, CI-08 to CI-14, CI-27, CI-35, CA-02 to CA-08, CA-10 to CA-13, CA-15, CA-33
    content = make_jpeg(640, 480)

    made = await sdk.images.v1.create(
        account_id=ACCOUNT,
        file=("beach.jpg", content),
        metadata={"key": "value", "nested": {"n": "1"}},
        creator="u-1",
        require_signed_urls=False,
    )
    found = await sdk.images.v1.get(made.id or "", account_id=ACCOUNT)

    assert made.id is not None
    assert (made.filename, made.creator, made.require_signed_urls) == ("beach.jpg", "u-1", False)
    assert made.meta == {"key": "value", "nested": {"n": "1"}}
    assert made.uploaded is not None
    assert abs(made.uploaded - datetime.now(UTC)) < timedelta(hours=1)
    assert facts_of(found) == {**facts_of(made), "draft": False}
    listed = await sdk.images.v2.list(account_id=ACCOUNT)
    assert [facts_of(image) for image in listed.images or []] == [facts_of(made)]
    blob = await sdk.images.v1.blobs.get(made.id, account_id=ACCOUNT)
    assert await blob.read() == content
    changed = await sdk.images.v1.edit(made.id, account_id=ACCOUNT, creator="u-2", metadata={"a": 1})
    assert facts_of(changed) == {**facts_of(made), "creator": "u-2", "meta": {"a": 1}, "metadata": {"a": 1}}
    await sdk.images.v1.delete(made.id, account_id=ACCOUNT)
    with pytest.raises(NotFoundError):
        await sdk.images.v1.get(made.id, account_id=ACCOUNT)
    assert (await sdk.images.v2.list(account_id=ACCOUNT)).images == []


async def test_every_variant_of_an_upload_is_served_at_once(sdk: AsyncCloudflare) -> None:
    # CI-14, CI-36, CI-37 to CI-39, CA-24, CA-28 to CA-30: no readiness exists
    await sdk.images.v1.variants.create(account_id=ACCOUNT, id="hero", options=HERO)  # type: ignore[arg-type]  # a dict

    made = await sdk.images.v1.create(account_id=ACCOUNT, file=("beach.jpg", make_jpeg(1600, 1200)))

    variants = made.variants or []
    assert [url.rpartition("/")[2] for url in variants] == [DEFAULT_SIZE, "hero"]
    answers = [await fetch(url) for url in variants]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [open_picture(answer.content).size for answer in answers] == [(1024, 768), (120, 60)]


async def test_a_custom_id_may_be_a_path_in_any_script(sdk: AsyncCloudflare) -> None:
    # CI-06, CA-09: ours may be longer than the 32 characters that one document speaks of
    made = await sdk.images.v1.create(account_id=ACCOUNT, id=CUSTOM_ID, file=("a.png", make_png(60, 40)))

    found = await sdk.images.v1.get(CUSTOM_ID, account_id=ACCOUNT)

    assert made.id == found.id == CUSTOM_ID
    [url] = made.variants or []
    assert url.endswith("/trips/2026/100%25%20B%C3%B6rse%20%E2%98%80/public")
    assert open_picture((await fetch(url)).content).size == (60, 40)
    with pytest.raises(ConflictError):
        await sdk.images.v1.create(account_id=ACCOUNT, id=CUSTOM_ID, file=("b.png", make_png(61, 40)))
    await sdk.images.v1.delete(CUSTOM_ID, account_id=ACCOUNT)
    assert (await fetch(url)).status_code == 404


async def test_the_same_bytes_twice_are_two_images(sdk: AsyncCloudflare) -> None:
    # CI-04: each upload has an id, an owner's note and an end of its own
    content = make_jpeg(322, 200)
    first = await sdk.images.v1.create(account_id=ACCOUNT, id="mine/1", creator="u-1", file=("a.jpg", content))
    second = await sdk.images.v1.create(account_id=ACCOUNT, id="mine/2", creator="u-2", file=("a.jpg", content))

    await sdk.images.v1.delete("mine/1", account_id=ACCOUNT)

    assert (first.id, second.id) == ("mine/1", "mine/2")
    left = await sdk.images.v1.get("mine/2", account_id=ACCOUNT)
    assert left.creator == "u-2"
    assert (await fetch((left.variants or [""])[0])).status_code == 200


async def test_a_private_image_keeps_its_id_and_opens_with_a_signature(sdk: AsyncCloudflare) -> None:
    # CI-07, CI-13, CA-04, CA-11, CA-16: at Cloudflare the id would be another one
    made = await sdk.images.v1.create(account_id=ACCOUNT, file=("a.jpg", make_jpeg(420, 200)))
    [url] = made.variants or [""]
    assert (await fetch(url)).status_code == 200

    closed = await sdk.images.v1.edit(made.id or "", account_id=ACCOUNT, require_signed_urls=True)

    assert (closed.id, closed.require_signed_urls, closed.variants) == (made.id, True, [url])
    assert (await fetch(url)).status_code == 404
    keys = (await sdk.images.v1.keys.list(account_id=ACCOUNT)).keys or []
    assert (await fetch(sign(url, keys[0].value or ""))).status_code == 200
    assert (await fetch(sign(url, "another key"))).status_code == 403
    opened = await sdk.images.v1.edit(made.id or "", account_id=ACCOUNT, require_signed_urls=False)
    assert (opened.id, (await fetch(url)).status_code) == (made.id, 200)


async def test_a_direct_upload_is_a_draft_until_its_file_comes(sdk: AsyncCloudflare) -> None:
    # CI-16 to CI-18, CI-21, CI-22, CI-34
    expiry = datetime.now(UTC) + timedelta(hours=1)
    opened = await sdk.images.v2.direct_uploads.create(
        account_id=ACCOUNT, metadata={"userId": "12345"}, expiry=expiry, require_signed_urls=False
    )
    draft = await sdk.images.v1.get(opened.id or "", account_id=ACCOUNT)
    assert (draft.model_dump()["draft"], draft.filename) == (True, None)
    assert (await sdk.images.v2.list(account_id=ACCOUNT)).images == []

    answer = await send(opened.upload_url or "", make_jpeg(500, 400))

    assert answer.status_code == 200
    told = answer.json()["result"]
    assert (told["id"], told["filename"]) == (opened.id, "mine.jpg")
    assert not {"meta", "metadata", "creator"} & set(told)
    image = await sdk.images.v1.get(opened.id or "", account_id=ACCOUNT)
    assert (image.model_dump()["draft"], image.meta) == (False, {"userId": "12345"})
    assert (await fetch((image.variants or [""])[0])).status_code == 200


async def test_variants_are_made_read_changed_and_deleted(sdk: AsyncCloudflare) -> None:
    # CI-36 to CI-45, CA-22 to CA-32
    options = {**HERO, "metadata": "copyright"}
    made = await sdk.images.v1.variants.create(
        account_id=ACCOUNT,
        id="hero",
        options=options,  # type: ignore[arg-type]  # a dict
        never_require_signed_urls=True,
    )
    image = await sdk.images.v1.create(account_id=ACCOUNT, file=("a.jpg", make_jpeg(400, 400)))
    url = (image.variants or [""])[1]
    assert open_picture((await fetch(url)).content).size == (120, 60)

    changed = await sdk.images.v1.variants.edit(
        "hero",
        account_id=ACCOUNT,
        options={**options, "width": 90},  # type: ignore[typeddict-item]  # a dict
    )

    assert made.variant is not None
    assert (made.variant.id, made.variant.never_require_signed_urls) == ("hero", True)
    assert made.variant.options.model_dump() == options
    assert changed.variant is not None
    assert changed.variant.options.width == 90
    found = await sdk.images.v1.variants.get("hero", account_id=ACCOUNT)
    assert found.variant is not None
    assert found.variant.model_dump() == changed.variant.model_dump()
    listed = (await sdk.images.v1.variants.list(account_id=ACCOUNT)).model_dump()["variants"]
    assert listed["hero"] == found.variant.model_dump()
    assert set(listed) == {DEFAULT_SIZE, "hero"}
    await sdk.images.v1.variants.delete("hero", account_id=ACCOUNT)
    assert (await fetch(url)).status_code == 404
    with pytest.raises(NotFoundError):
        await sdk.images.v1.variants.get("hero", account_id=ACCOUNT)


async def test_a_variant_may_be_open_to_all_of_a_private_image(sdk: AsyncCloudflare) -> None:
    # CI-41, CA-32
    await sdk.images.v1.variants.create(
        account_id=ACCOUNT,
        id="teaser",
        options=HERO,  # type: ignore[arg-type]  # a dict
        never_require_signed_urls=True,
    )

    made = await sdk.images.v1.create(account_id=ACCOUNT, file=("a.jpg", make_jpeg(410, 400)), require_signed_urls=True)

    assert [(await fetch(url)).status_code for url in made.variants or []] == [404, 200]


async def test_signing_keys_are_listed_in_clear_made_rotated_and_deleted(sdk: AsyncCloudflare) -> None:
    # CA-16 to CA-19
    [default] = (await sdk.images.v1.keys.list(account_id=ACCOUNT)).keys or []

    made = (await sdk.images.v1.keys.update("second", account_id=ACCOUNT)).keys or []
    rotated = (await sdk.images.v1.keys.update("second", account_id=ACCOUNT)).keys or []
    left = (await sdk.images.v1.keys.delete("second", account_id=ACCOUNT)).keys or []
    renewed = (await sdk.images.v1.keys.delete("default", account_id=ACCOUNT)).keys or []

    assert [key.name for key in made] == ["default", "second"]
    assert [key.name for key in rotated] == ["default", "second"]
    assert made[0] == rotated[0] == left[0] == default
    assert made[1].value != rotated[1].value
    assert [(key.name, key.value == default.value) for key in renewed] == [("default", False)]


async def test_statistics_count_the_images(sdk: AsyncCloudflare, people: People) -> None:
    # CA-20, CA-21
    few = await people.add("few")
    await sdk.images.v1.create(account_id=ACCOUNT, file=("a.jpg", make_jpeg(430, 400)))

    async with sdk_of(people.site, few) as limited:
        counts = [(await each.images.v1.stats.get(account_id=ACCOUNT)).count for each in (sdk, limited)]

    assert [(count.allowed, count.current) for count in counts if count] == [(2**53 - 1, 1), (3, 0)]


async def test_the_deprecated_list_has_the_same_images_by_pages(sdk: AsyncCloudflare) -> None:
    # CA-01, CA-14, CI-24, CI-25
    ids = [
        (await sdk.images.v1.create(account_id=ACCOUNT, file=("a.jpg", make_jpeg(440 + number, 400)))).id
        for number in range(3)
    ]

    with pytest.deprecated_call():
        first = await sdk.images.v1.list(account_id=ACCOUNT, page=1, per_page=2)
    with pytest.deprecated_call():
        second = await sdk.images.v1.list(account_id=ACCOUNT, page=2, per_page=2)

    pages = [page.model_dump()["result"]["images"] for page in (first, second)]
    assert [[image["id"] for image in page] for page in pages] == [ids[:0:-1], ids[:1]]


async def test_the_sdk_knows_the_errors_by_their_statuses(sdk: AsyncCloudflare, people: People) -> None:
    # CI-49 to CI-53, CI-58, CI-59
    async with AsyncCloudflare(
        api_token="wrong", base_url=f"{people.site.base_url}/client/v4", max_retries=0
    ) as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.images.v1.get("any", account_id=ACCOUNT)

    with pytest.raises(NotFoundError) as absent:
        await sdk.images.v1.get("no/such", account_id=ACCOUNT)
    with pytest.raises(APIStatusError) as refused:
        await sdk.images.v1.create(account_id=ACCOUNT)

    assert [error.code for error in absent.value.errors] == [5404]
    assert refused.value.status_code == 400
    assert [error.code for error in refused.value.errors] == [5400]


async def test_another_account_has_nothing_of_it(sdk: AsyncCloudflare, people: People, person: Person) -> None:
    # CI-01: whatever account the path names, the token decides
    made = await sdk.images.v1.create(account_id=ACCOUNT, id="mine", file=("a.jpg", make_jpeg(450, 400)))

    async with sdk_of(people.site, await people.add()) as stranger:
        for name in ("mine", str(made.id)):
            with pytest.raises(NotFoundError):
                await stranger.images.v1.get(name, account_id=str(person.id))
            with pytest.raises(NotFoundError):
                await stranger.images.v1.edit(name, account_id=str(person.id), creator="x")
            with pytest.raises(NotFoundError):
                await stranger.images.v1.delete(name, account_id=str(person.id))
        assert (await stranger.images.v2.list(account_id=str(person.id))).images == []
        other = await stranger.images.v1.create(account_id=ACCOUNT, id="mine", file=("a.jpg", make_jpeg(451, 400)))

    assert other.id == "mine"
    assert facts_of(await sdk.images.v1.get("mine", account_id=ACCOUNT)) == {**facts_of(made), "draft": False}
