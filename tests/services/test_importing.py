"""Imports by URL: what is fetched, how it fails, and who carries on after a crash."""

import asyncio
import time
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.container import Container
from app.db.engine import utc_now
from app.db.tables import upload_sessions
from app.domain.access import Principal
from app.domain.states import SessionState
from app.errors import UploadAlreadyUsed
from app.events.hints import Hint
from app.jobs import RenderQueue
from app.services.uploads.leases import take_lease
from app.services.uploads.registration import Registrar
from app.workers.imports import ImportLoop
from tests.support.fetch_hosts import Answer, Host, drip, endless, redirect, reply, silence
from tests.support.pictures import make_jpeg
from tests.support.url_import_harness import PICTURE, Imports
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_url_becomes_an_image_named_by_it(imports: Imports, host: Host) -> None:
    url = host.will("/holiday/be%20ach.jpg", reply(200, PICTURE, Content_Type="text/html"))

    session, image = await imports.run(f"{url}?size=large#top")

    assert (session.state, session.received_bytes, session.error_code) == (SessionState.RECEIVING, len(PICTURE), None)
    assert (image.filename, image.byte_size, image.width_px) == ("be ach.jpg", len(PICTURE), 91)
    assert await imports.container.claims.claim(image.id) is not None
    assert imports.leftovers() == []


async def test_a_request_tells_nothing_of_us(
    imports: Imports, host: Host, canary: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    host.will("/to", reply(200, PICTURE))
    url = host.will("/from", redirect("/to", Set_Cookie="session=1; Path=/"))

    session, _ = await imports.run(url)

    assert session.sha256 is not None
    assert [path for path, _ in host.requests] == ["/from", "/to"]
    assert {frozenset(headers) for _, headers in host.requests} == {
        frozenset({"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"})
    }
    assert {headers["Accept-Encoding"] for _, headers in host.requests} == {"identity"}
    assert canary.connections == 0


async def test_progress_is_told_while_the_bytes_come(imports: Imports, host: Host) -> None:
    picture = make_jpeg(400, 300)
    url = host.will("/slow", drip(picture, chunk_bytes=len(picture) // 8, pause_s=0.1))
    session = await imports.open(url)
    hints: list[Hint] = []

    started_at = time.monotonic()
    with imports.container.bus.listening(session.image_id, hints.append):
        await imports.importer.run(session)
    took_s = time.monotonic() - started_at

    told = [hint.received_bytes for hint in hints if hint.received_bytes is not None]
    assert told == sorted(told)
    assert 0 < told[0] < len(picture)
    # Not with each of the nine pieces: a quarter of a second passes before each word.
    assert len(told) <= took_s / 0.25


async def test_the_same_bytes_are_one_image(imports: Imports, host: Host) -> None:
    url = host.will("/twice.jpg", reply(200, PICTURE))
    _, first = await imports.run(url)
    container = imports.container
    await Registrar(container.database, container.bus, imports.queue).complete(first.id)

    session, second = await imports.run(url)

    assert (session.state, session.is_duplicate, second.id) == (SessionState.COMPLETED, True, first.id)


@pytest.mark.parametrize("hops", [3, 4])
async def test_three_redirects_are_followed(imports: Imports, host: Host, hops: int) -> None:
    for hop in range(hops):
        host.will(f"/{hop}", redirect(host.url(f"/{hop + 1}")))
    host.will(f"/{hops}", reply(200, PICTURE))

    session, image = await imports.run(host.url("/0"))

    assert (image.uploaded_at is not None, session.error_code) == (
        (True, None) if hops == 3 else (False, "FETCH_FAILED")
    )
    assert len(host.requests) == 4


BAD_ANSWERS = [
    pytest.param(reply(404), "FETCH_FAILED", 1, id="404"),
    pytest.param(reply(204), "FETCH_FAILED", 1, id="204"),
    pytest.param(reply(302), "FETCH_FAILED", 1, id="no-location"),
    pytest.param(reply(503), "FETCH_FAILED", 3, id="503"),
    pytest.param(reply(200, PICTURE, Content_Encoding="gzip"), "FETCH_FAILED", 1, id="gzip"),
    pytest.param(reply(200, PICTURE, X="x" * 200_000), "FETCH_FAILED", 3, id="long-header"),
    pytest.param(reply(200, b"<html>" + b" " * 90), "INVALID_FILE_TYPE", 1, id="html"),
    pytest.param(reply(200, PICTURE[:300]), "INVALID_IMAGE", 1, id="cut"),
    pytest.param(reply(200, PICTURE, Content_Length="10000000000"), "FILE_TOO_LARGE", 1, id="10GB"),
    pytest.param(drip(PICTURE[:300], chunk_bytes=300, pause_s=0, total_bytes=9000), "FETCH_FAILED", 3, id="broken"),
    pytest.param(endless(PICTURE[:300]), "FILE_TOO_LARGE", 1, id="endless"),
]
SLOW_ANSWERS = [
    pytest.param(silence, id="silent"),
    pytest.param(drip(PICTURE, chunk_bytes=1, pause_s=0.5), id="drip"),
]


@pytest.mark.parametrize(("answer", "code", "requests"), BAD_ANSWERS)
async def test_a_bad_answer_fails_the_session(
    imports: Imports, host: Host, answer: Answer, code: str, requests: int
) -> None:
    session, image = await imports.run(host.will("/x", answer))

    assert (session.state, session.error_code) == (SessionState.FAILED, code)
    assert len(host.requests) == requests
    assert image.uploaded_at is None
    assert imports.leftovers() == []
    assert [stat async for stat in imports.container.store.list_objects()] == []


@pytest.mark.parametrize("answer", SLOW_ANSWERS)
async def test_an_answer_that_does_not_end_fails_the_session(
    container: Container, queue: RenderQueue, owner: Principal, host: Host, answer: Answer
) -> None:
    imports = Imports(container, queue, owner, host.port, fetch_s=2)

    session, image = await imports.run(host.will("/x", answer))

    assert (session.state, session.error_code) == (SessionState.FAILED, "FETCH_FAILED")
    assert len(host.requests) == 1
    assert image.uploaded_at is None
    assert imports.leftovers() == []
    assert [stat async for stat in container.store.list_objects()] == []


async def test_a_passing_fault_is_tried_again(imports: Imports, host: Host) -> None:
    url = host.will(
        "/x", reply(503), drip(PICTURE[:200], chunk_bytes=200, pause_s=0, total_bytes=999), reply(200, PICTURE)
    )

    _, image = await imports.run(url)

    assert (image.byte_size, len(host.requests)) == (len(PICTURE), 3)


async def test_of_two_workers_one_fetches(imports: Imports, host: Host) -> None:
    session = await imports.open(host.will("/x", reply(200, PICTURE)))

    outcomes = await asyncio.gather(*(imports.importer.run(session) for _ in range(2)), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes if outcome is not None] == [UploadAlreadyUsed]
    assert len(host.requests) == 1


async def test_what_a_killed_worker_had_is_fetched_by_another(imports: Imports, host: Host) -> None:
    session = await imports.open(host.will("/x", reply(200, PICTURE)))
    container = imports.container
    await take_lease(container.database, container.bus, session)
    while_it_lives = await imports.importer.list_waiting(limit=9)
    async with container.database.write() as db:
        await db.execute(update(upload_sessions).values(lease_until=utc_now() - timedelta(seconds=1)))

    (waiting,) = await imports.importer.list_waiting(limit=9)
    await imports.importer.run(waiting)

    assert while_it_lives == []
    assert (await imports.look(session))[1].byte_size == len(PICTURE)


async def test_what_waits_for_its_verdict_alone_waits_for_no_worker(imports: Imports, host: Host) -> None:
    session, image = await imports.run(host.will("/x", reply(200, PICTURE)))
    async with imports.container.database.write() as db:
        await db.execute(update(upload_sessions).values(lease_until=utc_now() - timedelta(seconds=1)))

    waiting = await imports.importer.list_waiting(limit=9)

    assert (session.state, image.uploaded_at is not None) == (SessionState.RECEIVING, True)
    assert [found.id for found in waiting] == []


async def test_a_worker_that_stops_hands_its_import_back(imports: Imports, host: Host) -> None:
    session = await imports.open(host.will("/x", silence))
    running = asyncio.create_task(imports.importer.run(session))
    await eventually(lambda: bool(host.requests))

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert [waiting.id for waiting in await imports.importer.list_waiting(limit=9)] == [session.id]
    assert imports.leftovers() == []


async def test_the_loop_finds_what_waits(imports: Imports, host: Host) -> None:
    urls = [host.will(f"/{number}", reply(200, make_jpeg(70 + number, 50))) for number in range(6)]
    sessions = [await imports.open(url) for url in urls]
    loop = ImportLoop(imports.importer)
    working = asyncio.create_task(loop.run())

    async def are_uploaded() -> bool:
        return all([(await imports.look(session))[1].uploaded_at is not None for session in sessions])

    # Not by a subscription: no sweep runs here, which tells a watcher again what a busy Redis did not take in time.
    await eventually(are_uploaded, "uploaded")
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)

    assert len(host.requests) == 6
