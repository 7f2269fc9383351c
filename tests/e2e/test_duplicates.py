"""The same bytes twice: one image, whoever sends them, whenever, through whichever process."""

import asyncio
import hashlib
from collections import Counter

import pytest

from tests.support.client import Client, GraphQLFailure
from tests.support.graphql_client import Json, ask_image, ask_session, follow_session
from tests.support.pictures import make_jpeg
from tests.support.site import Site
from tests.support.waiting import in_time

EXTRA = {"profile": "CUSTOM", "derivatives": [{"family": "PNG", "size": "thumb"}, {"family": "WEBP", "size": "small"}]}
NODE = "query ($id: ID!) { node(id: $id) { id } image(id: $id) { id title customId tags } nodes(ids: [$id]) { id } }"


pytestmark = pytest.mark.usefixtures("wide_quiet")


async def test_32_identical_uploads_at_once_on_two_processes_make_one_image(wide_site: Site) -> None:
    content = make_jpeg(1000, 700, noise=True)
    async with wide_site.client() as first, wide_site.client(api=1) as second:
        clients = [first, second] * 16
        sessions = [await client.open_session(len(content)) for client in clients]
        urls = [s.upload_url.replace(wide_site.base_url, c.base_url) for s, c in zip(sessions, clients, strict=True)]

        responses = await asyncio.gather(
            *(
                client.http.put(url, content=content, headers={"Authorization": f"Bearer {session.token}"})
                for client, url, session in zip(clients, urls, sessions, strict=True)
            )
        )
        listed = (await first.ask("{ images(first: 100) { totalCount nodes { id } } }"))["images"]

    assert Counter(response.status_code for response in responses) == {201: 1, 200: 31}
    assert len({response.json()["id"] for response in responses}) == 1
    assert Counter(response.json()["duplicate"] for response in responses) == {True: 31, False: 1}
    assert listed == {"totalCount": 1, "nodes": [{"id": responses[0].json()["id"]}]}


async def test_a_duplicate_gets_what_it_wanted_and_its_id_becomes_an_alias(wide_site: Site) -> None:
    async with wide_site.client() as client:
        content = make_jpeg(700, 500)
        first = await client.upload(content, title="First", customId="keep")
        await client.wait_complete(first.image_id)
        second = await client.open_session(
            len(content), title="Second", customId="drop", tags=["dropped"], processing=EXTRA
        )
        watching = asyncio.create_task(_collect(client, second.image_id))
        following = asyncio.create_task(follow_session(client, second))

        response = await client.send(second, content)
        events, states = await in_time(asyncio.gather(watching, following))

        assert (response.status_code, response.json()["duplicate"]) == (200, True)
        assert response.json()["id"] == first.image_id
        last = events[-1]
        assert (last["image"]["id"], last["complete"]) == (first.image_id, True)
        planned = {(variant["family"], variant["size"]) for variant in last["stableVariants"]}
        assert planned == {*first.urls, ("PNG", "thumb")}
        assert (states[-1]["state"], states[-1]["image"]["id"]) == ("COMPLETED", first.image_id)
        alias = await client.ask(NODE, id=second.image_id)
        assert alias == {
            "node": {"id": first.image_id},
            "image": {"id": first.image_id, "title": "First", "customId": "keep", "tags": []},
            "nodes": [{"id": first.image_id}],
        }
        told = await ask_session(client, second.id)
        assert (told["state"], told["duplicate"], told["image"]["id"]) == ("COMPLETED", True, first.image_id)
        assert (await client.ask('{ image(customId: "drop") { id } }'))["image"] is None
        again = await client.open_session(1000, customId="drop")
        assert again.id


async def test_addresses_given_out_for_a_duplicate_go_on_answering(wide_site: Site) -> None:
    async with wide_site.client() as client:
        content = make_jpeg(702, 500)
        first = await client.upload(content)
        second = await client.open_session(len(content), filename="other.png", processing=EXTRA)

        await client.send(second, content)
        await client.wait_complete(second.image_id)

        assert second.urls["ORIGINAL", "original"].endswith(f"/f/{second.image_id}/original/original.png")
        for derivative, url in second.urls.items():
            answer = await client.http.get(url)
            assert answer.status_code == 200, derivative
        ours, theirs = (s.urls["ORIGINAL", "original"] for s in (second, first))
        assert (await client.http.get(ours)).content == (await client.http.get(theirs)).content
        blob = await client.http.get(f"/images/{second.image_id}/blob")
        assert blob.content == content


async def test_sending_a_duplicate_again_answers_as_the_first_time(wide_site: Site) -> None:
    async with wide_site.client() as client:
        content = make_jpeg(704, 500)
        await client.upload(content)
        second = await client.upload(content)

        again = await client.send(second, content)

    assert (again.status_code, again.json()["duplicate"]) == (200, True)


async def test_private_bytes_never_match_a_public_image_nor_the_reverse(wide_site: Site) -> None:
    async with wide_site.client() as client:
        content = make_jpeg(706, 500)
        public = await client.upload(content, visibility="PUBLIC")
        private = await client.open_session(len(content), visibility="PRIVATE")
        private_again = await client.open_session(len(content), visibility="PRIVATE")

        first, second = await client.send(private, content), await client.send(private_again, content)

        assert (first.status_code, first.json()["id"]) == (201, private.image_id)
        assert (second.status_code, second.json()["id"]) == (200, private.image_id)
        assert public.image_id != private.image_id
        assert (await ask_image(client, public.image_id))["visibility"] == "PUBLIC"


async def test_the_token_of_a_private_duplicate_watches_it_by_its_own_id_only(wide_site: Site) -> None:
    async with wide_site.client() as client, wide_site.stranger() as stranger:
        content = make_jpeg(708, 500)
        first = await client.upload(content, visibility="PRIVATE")
        second = await client.upload(content, visibility="PRIVATE")

        events = [event async for event in stranger.watch(second.image_id, token=second.token)]
        with pytest.raises(GraphQLFailure) as failure:
            [event async for event in stranger.watch(first.image_id)]

    assert events[-1]["image"]["id"] == first.image_id
    assert failure.value.code == "NOT_FOUND"


async def test_a_duplicates_reservation_is_free_at_once(wide_site: Site) -> None:
    query = "{ viewer { stats { images { count storageUsedBytes } } } }"
    async with wide_site.client() as client:
        content = make_jpeg(710, 500)
        await client.upload(content)
        before = await client.ask(query)

        await client.upload(content)

        assert await client.ask(query) == before


async def _collect(client: Client, image_id: str) -> list[Json]:
    return [event async for event in client.watch(image_id)]


async def test_duplicate_that_is_allowed_is_an_image_of_its_own(wide_site: Site) -> None:
    async with wide_site.client() as client:
        content = make_jpeg(726, 500)
        first = await client.upload(content, title="First")
        announced = {"sha256": hashlib.sha256(content).hexdigest()}

        second = await client.open_session(
            len(content), allowDuplicate=True, title="Second", customId="own", **announced
        )
        answer = await client.send(second, content)
        third = await client.upload(content)

        assert (answer.status_code, answer.json()["id"]) == (201, second.image_id)
        assert (await client.ask(NODE, id=second.image_id))["image"] == {
            "id": second.image_id, "title": "Second", "customId": "own", "tags": [],
        }  # fmt: skip
        assert (await client.ask(NODE, id=third.image_id))["image"]["id"] == first.image_id


async def test_taken_custom_id_names_the_open_session_that_has_it(wide_site: Site) -> None:
    async with wide_site.client() as client:
        first = await client.open_session(1_000, customId="mine")

        with pytest.raises(GraphQLFailure) as refused:
            await client.open_session(1_000, customId="mine")
        [error] = refused.value.errors
        await client.ask("mutation ($id: ID!) { cancelUploadSession(id: $id) { __typename } }", id=first.id)
        again = await client.upload(make_jpeg(728, 500), customId="mine")
        with pytest.raises(GraphQLFailure) as held:
            await client.open_session(1_000, customId="mine")

        assert error["extensions"]["details"] == {"field": "customId", "uploadSessionId": first.id}
        assert again.image_id != first.image_id
        assert held.value.errors[0]["extensions"]["details"] == {"field": "customId"}
