"""The database restarted or away under uploads, and changed behind the worker's back."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, update

from app.db.engine import utc_now
from app.db.tables import images, upload_sessions
from app.domain.states import SessionState
from tests.support.client import Client, GraphQLFailure, OpenSession
from tests.support.fault_sites import MakeSite
from tests.support.invariants import assert_clean, run_audit
from tests.support.load import (
    EIGHT,
    UNREACHABLE,
    assert_served,
    draw_pictures,
    send_all,
    send_patiently,
    until_listed,
    until_rendering,
    wait_complete,
)
from tests.support.pictures import make_jpeg
from tests.support.process_control import kept_running
from tests.support.servers.postgres import PostgresServer
from tests.support.site import Site
from tests.support.site_logs import faults_of
from tests.support.site_rows import open_rows
from tests.support.waiting import eventually

FULL = pytest.mark.full("another way to be away; `make test` kills PostgreSQL under uploads")


@pytest.mark.parametrize("end", ["kill", pytest.param("stop", marks=FULL)])
async def test_uploads_survive_a_database_that_ends_and_comes_back(
    make_plain_site: MakeSite, private_postgres: Callable[[], PostgresServer], end: str
) -> None:
    postgres = private_postgres()
    database_url = postgres.url(postgres.create_database())
    site = make_plain_site(environment={"SAFELIGHT_DATABASE_URL": database_url}).site
    async with site.client() as client:
        with kept_running(*site.programs) as keeper:
            session = await client.open_session(1000)
            sending = asyncio.create_task(send_all(client, draw_pictures(5, seed=100), at_once=2))
            await until_listed(client, more_than=1, unless=sending)
            {"kill": postgres.kill, "stop": postgres.stop}[end]()
            await _assert_put_off(client, session.id)
            postgres.start()
            await eventually(lambda: _answers(client, session.id), "the database", ignoring=UNREACHABLE)
            sent = await sending
            await wait_complete(client, sent)

        assert keeper.restarts == 0
        await assert_served(client, sent)
        assert_clean(site)


@FULL
async def test_a_database_that_refuses_its_user_is_away_and_comes_back(
    make_plain_site: MakeSite, postgres_server: PostgresServer
) -> None:
    name, role = postgres_server.create_database(), f"owner_{uuid4().hex}"
    postgres_server.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'first'")
    postgres_server.execute(f"ALTER DATABASE {name} OWNER TO {role}")
    database_url = f"postgresql+asyncpg://{role}:first@{postgres_server.url(name).partition('@')[2]}"
    site = make_plain_site(environment={"SAFELIGHT_DATABASE_URL": database_url}).site
    async with site.client() as client:
        session = await client.open_session(1000)

        postgres_server.execute(f"ALTER ROLE {role} PASSWORD 'second'")
        postgres_server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'")
        await _assert_away(client, session)
        postgres_server.execute(f"ALTER ROLE {role} PASSWORD 'first'")

        await eventually(lambda: _answers(client, session.id), "the database", ignoring=UNREACHABLE)
        assert (await client.http.get("/readyz")).status_code == 200
    assert faults_of(site) == []


@FULL
async def test_a_database_that_is_dropped_is_away(make_plain_site: MakeSite, postgres_server: PostgresServer) -> None:
    name = postgres_server.create_database()
    site = make_plain_site(environment={"SAFELIGHT_DATABASE_URL": postgres_server.url(name)}).site
    async with site.client() as client:
        session = await client.open_session(1000)

        postgres_server.drop_database(name)

        await _assert_away(client, session)
    assert faults_of(site) == []


@pytest.mark.full("an image that goes at a bad moment; tests/workers lets claims be lost")
async def test_an_image_that_is_deleted_while_it_is_rendered_leaves_nothing(make_site: MakeSite) -> None:
    site = make_site().site
    content = make_jpeg(3000, 2000, noise=True)
    async with site.client() as client:
        session = await client.open_session(len(content), **EIGHT)
        sending = asyncio.create_task(client.send(session, content))
        await until_rendering(site)

        await _delete_image(site, session.image_id)
        await asyncio.gather(sending, return_exceptions=True)
        # The upload itself is found by the sweep that reads the whole store, or by the audit.
        run_audit(site, "--repair", "--at-once")

        assert_clean(site)
        assert (await client.http.get(session.urls["WEBP", "w128"])).status_code == 404


@pytest.mark.full("a lost answer; tests/workers/test_maintenance has the sweep of it")
async def test_upload_is_kept_where_the_answer_of_the_database_was_lost(make_site: MakeSite) -> None:
    site = make_site().site
    content = make_jpeg(640, 480)
    async with site.client() as client:
        sent = await send_patiently(client, content)
        await wait_complete(client, [sent])
        # As after a commit that went through and whose answer did not: the bytes are the image's, the session is held.
        async with open_rows(site) as database, database.write() as db:
            of_session = upload_sessions.c.id == UUID(sent.session.id)
            lapsed = {"lease_id": UUID(int=1), "lease_until": utc_now() - timedelta(seconds=1)}
            await db.execute(update(upload_sessions).where(of_session).values(state=SessionState.RECEIVING, **lapsed))

        again = await send_patiently(client, content, session=sent.session)

        assert again.status == 200
        await assert_served(client, [again])
        assert_clean(site)


async def _assert_away(client: Client, session: OpenSession) -> None:
    """Everything that needs it says that it is away, and `/readyz` names it."""
    for _ in range(3):  # the first may still meet connections that were open
        await _assert_put_off(client, session.id)
        picture = await client.http.get(session.urls["WEBP", "small"])
        assert (picture.status_code, picture.json()["code"]) == (503, "UNAVAILABLE")
        ready = await client.http.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"]["database"] == "does not answer"


async def _assert_put_off(client: Client, session_id: str) -> None:
    failure = await _failure(client, session_id)
    assert failure is not None
    assert failure.code == "UNAVAILABLE"


async def _answers(client: Client, session_id: str) -> bool:
    return await _failure(client, session_id) is None


async def _failure(client: Client, session_id: str) -> GraphQLFailure | None:
    try:
        await client.ask("query ($id: ID!) { uploadSession(id: $id) { state } }", id=session_id)
    except GraphQLFailure as failure:
        return failure
    return None


async def _delete_image(site: Site, image_id: str) -> None:
    async with open_rows(site) as database, database.write() as db:
        await db.execute(delete(upload_sessions).where(upload_sessions.c.image_id == UUID(image_id)))
        await db.execute(delete(images).where(images.c.id == UUID(image_id)))
