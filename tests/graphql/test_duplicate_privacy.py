"""Bytes that are there already: their sender learns nothing of the image that has them."""

import json
from typing import Any

from tests.support.accounts_fixture import People
from tests.support.client import Client, OpenSession
from tests.support.graphql_client import Json
from tests.support.pictures import Tags, make_jpeg
from tests.support.tus import head, patch

FIELDS = """id state filename title alt description tags creator metadata customId exif { takenAt } album { slug title }
  cdnUrl width height stableVariants { url ready }"""
SESSION = f"query ($id: ID!) {{ uploadSession(id: $id) {{ duplicate image {{ {FIELDS} }} }} }}"
IMAGE = f"query ($id: ID!) {{ image(id: $id) {{ {FIELDS} }} }}"
WATCH = f"subscription ($id: ID!) {{ stableVariants(imageId: $id) {{ image {{ {FIELDS} }} }} }}"
FOLLOW = f"subscription ($id: ID!) {{ uploadSession(id: $id) {{ image {{ {FIELDS} }} }} }}"
ALBUM = 'mutation { createAlbum(input: {slug: "secret-album", title: "Secret album"}) { album { id } } }'
SECRETS = {
    "filename": "secret-name.jpg",
    "title": "Secret title",
    "alt": "Secret alt",
    "description": "Secret description",
    "tags": ["secret-tag"],
    "creator": "Secret creator",
    "customId": "secret/id",
    "metadata": {"secret": 1},
}


async def test_an_upload_token_reads_of_an_earlier_image_only_its_state_and_files(people: People) -> None:
    content = make_jpeg(333, 222, tags=Tags(camera=True))
    async with people.client(await people.add()) as owner:
        await owner.ask(ALBUM)
        first = await owner.upload(content, **SECRETS, albumSlug="secret-album", visibility="PRIVATE")
        await owner.wait_complete(first.image_id)
        session = await owner.open_session(len(content), filename="own.jpg", title="Own title", visibility="PRIVATE")
        resumed = await owner.open_session(len(content), filename="own.jpg", visibility="PRIVATE")
        async with Client(owner.base_url, session.token) as holder:
            sent = await holder.send(session, content)
            again = await holder.send(session, content)
            answers = [sent.json(), again.json(), *[await _ask(holder, session, each) for each in (IMAGE, SESSION)]]
            answers += [await _first_event(holder, session, document) for document in (WATCH, FOLLOW)]
        assert (await patch(owner, resumed, 0, content)).status_code == 204
        looked = await head(owner, resumed)
        seen_by_owner = (await owner.ask(IMAGE, id=session.image_id))["image"]

    assert (sent.status_code, again.status_code) == (200, 200)
    assert all(answer.get("duplicate", True) for answer in answers[:2])
    for answer in [*answers, dict(looked.headers)]:
        assert "secret" not in json.dumps(answer).lower(), answer
    for answer in answers[2:]:
        image = answer["image"]
        assert (image["id"], image["filename"], image["title"]) == (first.image_id, "own.jpg", "Own title")
        assert (image["width"], image["height"], image["state"]) == (333, 222, "READY")
        assert all(variant["ready"] for variant in image["stableVariants"])
    # The owner goes on seeing the image as it is.
    assert seen_by_owner["title"] == "Secret title"


async def test_private_bytes_of_guests_become_images_of_their_own(people: People) -> None:
    content = make_jpeg(335, 224)
    async with people.client(None) as guest:
        # An address of their own, as guests may send little in a day.
        guest.http.headers["X-Forwarded-For"] = "203.0.113.77"
        first = await guest.upload(content, title="Secret title", visibility="PRIVATE")
        second = await guest.open_session(len(content), visibility="PRIVATE")
        answer = await guest.send(second, content)

    assert answer.status_code == 201, answer.text
    assert answer.json()["id"] == second.image_id != first.image_id


async def _ask(client: Client, session: OpenSession, document: str) -> Json:
    is_session = "uploadSession" in document
    data = await client.ask(document, id=session.id if is_session else session.image_id)
    found: Json = data["uploadSession"] if is_session else data
    return found


async def _first_event(client: Client, session: OpenSession, document: str) -> Json:
    variables = {"id": session.id if "uploadSession" in document else session.image_id}
    asked = {"query": document, "variables": variables}
    async with client.http.stream("POST", "/graphql", json=asked, headers={"Accept": "text/event-stream"}) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                data: dict[str, Any] = json.loads(line.removeprefix("data: "))["data"]  # Any: what JSON holds
                (event,) = data.values()
                found: Json = event
                return found
    raise AssertionError("no event")
