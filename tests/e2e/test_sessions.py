"""Upload sessions: opened, looked at, cancelled, expired; what they reserve and what they remember."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from app.db.tables import accounts, upload_sessions
from tests.support.client import Client, GraphQLFailure
from tests.support.graphql_client import ask_image, ask_session, follow_session, select_all
from tests.support.pictures import make_jpeg
from tests.support.site import Site
from tests.support.site_rows import let_expire, open_rows, read_session

CREATE = f"""
mutation ($input: CreateUploadSessionInput!) {{
  createUploadSession(input: $input) {{ session {select_all("UploadSession")} duplicate }}
}}
"""
CREATE_MANY = """
mutation ($inputs: [CreateUploadSessionInput!]!) {
  createUploadSessions(inputs: $inputs) { session { id token image { id } } duplicate }
}
"""
CANCEL = "mutation ($id: ID!) { cancelUploadSession(id: $id) { session { id state token } } }"
COUNT_OPEN = "{ viewer { stats { images { count storageUsedBytes storageRemainingBytes } } } }"


pytestmark = pytest.mark.usefixtures("quiet")


async def test_an_open_session_tells_everything_once(site: Site, client: Client) -> None:
    given = {
        **{"fileSize": 5000, "filename": "a/b/beach.PNG", "title": "T", "alt": "A", "description": "D"},
        **{"creator": "C", "customId": "one", "tags": ["x", " y ", "x"], "metadata": {"k": [1, None, "v"]}},
        **{"isNsfw": True, "visibility": "PRIVATE", "expiresIn": 120},
    }

    session = (await client.ask(CREATE, input=given))["createUploadSession"]["session"]
    later = (
        await client.ask(
            f"query ($id: ID!) {{ node(id: $id) {{ ... on UploadSession {select_all('UploadSession')} }} }}",
            id=session["id"],
        )
    )["node"]

    assert session["uploadUrl"] == f"{site.base_url}/upload/{session['id']}"
    assert session["oneTimeUrl"] == f"{session['uploadUrl']}?token={session['token']}"
    assert (session["state"], session["maxBytes"], session["receivedBytes"]) == ("OPEN", 5000, 0)
    assert (session["duplicate"], session["error"]) == (False, None)
    created, expires = (datetime.fromisoformat(session[name]) for name in ("createdAt", "expiresAt"))
    assert expires - created == timedelta(seconds=120)
    image = session["image"]
    assert (image["state"], image["filename"], image["tags"]) == ("AWAITING_UPLOAD", "beach.PNG", ["x", "y"])
    assert (image["title"], image["alt"], image["description"], image["creator"]) == ("T", "A", "D", "C")
    assert (image["customId"], image["metadata"]) == ("one", {"k": [1, None, "v"]})
    assert (image["visibility"], image["isNsfw"], session["visibility"], session["isNsfw"]) == (
        *("PRIVATE", True),
        *("PRIVATE", True),
    )
    assert [image[name] for name in ("contentType", "byteSize", "width", "height", "frames", "sha256")] == [None] * 6
    assert image["url"] == image["stableUrl"] == f"{site.base_url}/f/{image['id']}/original/original.png"
    assert session["processing"]["profile"] == "DEFAULT"
    assert later == {**session, "token": None, "oneTimeUrl": None}


async def test_a_token_is_256_bits_and_kept_hashed(site: Site, client: Client) -> None:
    session = await client.open_session(1000)

    row = await read_session(site, session.id)

    assert len(session.token) >= 43
    assert session.token not in str(row)


async def test_an_upload_token_reads_its_own_session_and_image_and_no_other(client: Client) -> None:
    session, other = await client.open_session(1000, visibility="PRIVATE"), await client.open_session(1000)
    async with Client(client.base_url, key=session.token) as holder, Client(client.base_url, key=None) as stranger:
        query = "query ($s: ID!, $i: ID!) { uploadSession(id: $s) { id } image(id: $i) { id metadata } }"

        own = await holder.ask(query, s=session.id, i=session.image_id)
        foreign = await holder.ask(query, s=other.id, i=other.image_id)
        unknown = await stranger.ask(query, s=session.id, i=session.image_id)
        with pytest.raises(GraphQLFailure) as writing:
            await holder.ask(CANCEL, id=session.id)
        with pytest.raises(GraphQLFailure) as viewing:
            await holder.ask("{ viewer { id } }")

    assert own == {"uploadSession": {"id": session.id}, "image": {"id": session.image_id, "metadata": {}}}
    assert foreign == unknown == {"uploadSession": None, "image": None}
    assert (writing.value.code, viewing.value.code) == ("UNAUTHORIZED", "UNAUTHORIZED")


async def test_an_upload_token_reads_until_an_hour_after_its_expiry(site: Site, client: Client) -> None:
    session = await client.open_session(1000)
    query = "query ($id: ID!) { uploadSession(id: $id) { state } }"
    async with Client(client.base_url, key=session.token) as holder:
        await let_expire(site, session.id, ago=timedelta(minutes=59))
        within = await holder.ask(query, id=session.id)
        await let_expire(site, session.id, ago=timedelta(minutes=61))
        response = await holder.http.post("/graphql", json={"query": query, "variables": {"id": session.id}})

    assert within == {"uploadSession": {"state": "EXPIRED"}}
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHORIZED"


async def test_a_cancelled_session_is_closed_for_good(client: Client) -> None:
    content = make_jpeg(360, 200)
    before = await _used_bytes(client)
    session = await client.open_session(len(content), customId="to be freed")
    reserved = await _used_bytes(client)

    cancelled = (await client.ask(CANCEL, id=session.id))["cancelUploadSession"]["session"]
    sent = await client.send(session, content)
    with pytest.raises(GraphQLFailure) as again:
        await client.ask(CANCEL, id=session.id)

    assert cancelled == {"id": session.id, "state": "CANCELLED", "token": None}
    assert (reserved - before, await _used_bytes(client) - before) == (len(content), 0)
    assert (sent.status_code, sent.json()["code"]) == (410, "UPLOAD_EXPIRED")
    assert again.value.code == "CONFLICT"
    assert {(await client.http.get(url)).status_code for url in session.urls.values()} == {404}
    # What it had taken is free for the next try.
    assert (await client.open_session(len(content), customId="to be freed")).id != session.id


async def test_a_foreign_or_unknown_session_cannot_be_cancelled(client: Client) -> None:
    session = await client.open_session(1000)

    codes = []
    for unknown in (session.image_id, "nonsense", ""):
        with pytest.raises(GraphQLFailure) as failure:
            await client.ask(CANCEL, id=unknown)
        codes.append(failure.value.code)

    assert codes == ["NOT_FOUND"] * 3


async def test_an_expired_session_frees_what_it_held_and_ends_its_watchers(site: Site, client: Client) -> None:
    session = await client.open_session(1000, customId="expired")
    await let_expire(site, session.id)

    events = await follow_session(client, session)
    with pytest.raises(GraphQLFailure) as failure:
        [event async for event in client.watch(session.image_id)]

    assert events[-1]["state"] == "EXPIRED"
    assert failure.value.code == "UPLOAD_EXPIRED"
    assert {(await client.http.get(url)).status_code for url in session.urls.values()} == {404}
    assert (await client.open_session(1000, customId="expired")).id != session.id


async def test_a_custom_id_names_one_image_of_its_owner(client: Client) -> None:
    content = make_jpeg(361, 200)
    session = await client.upload(content, customId="Ferien/2024 ☀")

    with pytest.raises(GraphQLFailure) as taken:
        await client.open_session(1000, customId="Ferien/2024 ☀")
    found = await client.ask('{ image(customId: "Ferien/2024 ☀") { id customId } }')
    async with Client(client.base_url, key=None) as stranger:
        unseen = await stranger.ask('{ image(customId: "Ferien/2024 ☀") { id } }')

    assert taken.value.code == "CONFLICT"
    assert found["image"] == {"id": session.image_id, "customId": "Ferien/2024 ☀"}
    assert unseen == {"image": None}


async def test_many_sessions_are_opened_all_or_none(client: Client) -> None:
    before = await _used_bytes(client)
    good = {"fileSize": 100}

    opened = (await client.ask(CREATE_MANY, inputs=[good] * 50))["createUploadSessions"]
    failures = []
    for inputs in (
        [good, {"fileSize": 0}],
        [good] * 51,
        [],
        [good, {**good, "customId": "m"}, {**good, "customId": "m"}],
    ):
        with pytest.raises(GraphQLFailure) as failure:
            await client.ask(CREATE_MANY, inputs=inputs)
        failures.append(failure.value)

    assert len({session["session"]["token"] for session in opened}) == 50
    assert [failure.code for failure in failures] == [*["INVALID_REQUEST"] * 3, "CONFLICT"]
    details = [failure.errors[0]["extensions"]["details"] for failure in failures]
    assert details[0] == {"field": "fileSize", "index": 1}
    assert (details[1]["field"], details[2]["field"], details[3]["index"]) == ("inputs", "inputs", 2)
    assert await _used_bytes(client) - before == 50 * 100


async def test_a_quota_counts_what_is_stored_and_what_is_reserved(site: Site, client: Client) -> None:
    quota_bytes = 25 * 1024**3
    await _set_plan(site, client, "free")
    try:
        holder = await client.open_session(1000)
        used = await _used_bytes(client)
        async with open_rows(site) as database, database.write() as db:
            condition = upload_sessions.c.id == UUID(holder.id)
            room = {"reserved_bytes": quota_bytes - used + 1000 - 500}
            await db.execute(update(upload_sessions).where(condition).values(room))

        with pytest.raises(GraphQLFailure) as failure:
            await client.open_session(501)
        fits = await client.open_session(500)
        full = (await client.ask(COUNT_OPEN))["viewer"]["stats"]["images"]
        await client.ask(CANCEL, id=fits.id)
        freed = (await client.ask(COUNT_OPEN))["viewer"]["stats"]["images"]
    finally:
        await _set_plan(site, client, "owner")

    assert failure.value.code == "QUOTA_EXCEEDED"
    assert failure.value.errors[0]["extensions"]["details"] == {
        "limit": "storageQuotaBytes",
        "remaining": 500,
        "needed": 501,
    }
    assert (full["storageRemainingBytes"], freed["storageRemainingBytes"]) == (0, 500)


async def test_the_states_of_a_session_are_told_as_they_come(client: Client) -> None:
    content = make_jpeg(362, 200)
    session = await client.open_session(len(content))

    await client.send(session, content)
    last = (await follow_session(client, session))[-1]
    told = await ask_session(client, session.id)

    assert (last["state"], last["image"]["complete"]) == ("COMPLETED", True)
    assert (told["state"], told["receivedBytes"], told["error"]) == ("COMPLETED", len(content), None)
    assert (await ask_image(client, session.image_id))["state"] == "READY"


async def _used_bytes(client: Client) -> int:
    return int((await client.ask(COUNT_OPEN))["viewer"]["stats"]["images"]["storageUsedBytes"])


async def _set_plan(site: Site, client: Client, plan: str) -> None:
    username = (await client.ask("{ viewer { username } }"))["viewer"]["username"]
    async with open_rows(site) as database, database.write() as db:
        await db.execute(update(accounts).where(accounts.c.username == username).values(plan=plan))
