"""Clients that vanish, dawdle or hold connections open: no bytes, no rows, no traces, and others are served."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import func, select

from app.db.tables import upload_sessions
from app.domain.states import SessionState
from tests.support.client import Client
from tests.support.fault_sites import MakeSite
from tests.support.invariants import assert_clean, temporary_files
from tests.support.load import draw_pictures, send_all, send_patiently, wait_complete
from tests.support.pictures import make_jpeg, make_png
from tests.support.raw_http import Wire, open_wire, target_of
from tests.support.site import Site
from tests.support.site_logs import faults_of
from tests.support.site_rows import open_rows, read_session
from tests.support.waiting import eventually, wait_until

pytestmark = pytest.mark.full("hundreds of connections; tests/http has a few of each kind")

GONE, AT_ONCE = 200, 10
SLOW = 100
HANG_UPS = 10
OPEN_MANY = """
mutation ($inputs: [CreateUploadSessionInput!]!) {
  createUploadSessions(inputs: $inputs) { session { id token uploadUrl } }
}
"""


async def test_two_hundred_clients_that_vanish_in_mid_upload_leave_nothing(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    content = make_jpeg(800, 600, noise=True)
    async with site.client() as client:
        sessions = [session for _ in range(4) for session in await _open_many(client, len(content), 50)]
        gate = asyncio.Semaphore(AT_ONCE)

        async def vanish(index: int) -> None:
            session = sessions[index]
            async with gate, open_wire(session["uploadUrl"]) as wire:
                await _begin_upload(wire, session, len(content))
                # Some before the first byte, some one byte before the last.
                await wire.send(content[: len(content) * index // GONE])
                wire.break_off()

        await asyncio.gather(*map(vanish, range(GONE)))
        await eventually(lambda: _are_all_open(site), "all sessions OPEN again")
        wait_until(lambda: not temporary_files(site), "no temporary file is left")
        answer = await client.http.put(
            sessions[-1]["uploadUrl"],
            content=content,
            headers={"Authorization": f"Bearer {sessions[-1]['token']}"},
        )
        other = await send_patiently(client, make_jpeg(333, 222))
        await wait_complete(client, [other])

        assert answer.status_code == 201
        assert (await read_session(site, sessions[0]["id"]))["received_bytes"] == 0
        assert faults_of(site) == []
        assert_clean(site)


@pytest.mark.parametrize("is_kept", [True, False], ids=["from memory", "from the rows"])
async def test_client_that_asks_for_much_and_hangs_up_is_no_fault(make_plain_site: MakeSite, is_kept: bool) -> None:
    site = make_plain_site().site
    async with site.client() as client:
        processing = {"profile": "ORIGINAL_ONLY"}
        sent = await send_patiently(client, make_png(2000, 2000, noise=True), processing=processing)
        await wait_complete(client, [sent])
        (target,) = map(target_of, sent.session.urls.values())
        headers = {} if is_kept else {"Authorization": f"Bearer {client.key}"}
        assert (await client.http.get(target, headers={"Authorization": ""})).status_code == 200

        for pipelined in (1, 2, 3) * HANG_UPS:
            async with open_wire(site.base_url) as wire:
                for _ in range(pipelined):
                    await wire.send_head("GET", target, headers)
                assert (await wire.read(15)) == b"HTTP/1.1 200 OK"
                wire.break_off()

        assert (await client.http.get("/healthz")).status_code == 200
        for program in site.programs:
            program.stop()
    assert faults_of(site) == []


async def test_others_are_served_while_a_hundred_connections_dawdle(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    pictures = draw_pictures(4, seed=1100)
    async with site.client() as client, AsyncExitStack() as stack:
        sessions = await _open_many(client, 100_000, SLOW // 2)
        for session in sessions:
            silent = await stack.enter_async_context(open_wire(site.base_url))
            await silent.send(b"GET /healthz HT")
            slow = await stack.enter_async_context(open_wire(session["uploadUrl"]))
            await _begin_upload(slow, session, 100_000)
            await slow.send(b"\xff\xd8\xff")

        sent = await send_all(client, pictures, at_once=2)
        await wait_complete(client, sent)

        assert [one.refusals for one in sent] == [[]] * len(sent)
    assert faults_of(site) == []
    wait_until(lambda: not temporary_files(site), "no temporary file is left")


async def _open_many(client: Client, file_bytes: int, count: int) -> list[dict[str, str]]:
    inputs = [{"fileSize": file_bytes}] * count
    data = await client.ask(OPEN_MANY, inputs=inputs)
    return [payload["session"] for payload in data["createUploadSessions"]]


async def _begin_upload(wire: Wire, session: dict[str, str], length: int) -> None:
    headers = {"Authorization": f"Bearer {session['token']}", "Content-Length": str(length)}
    await wire.send_head("PUT", target_of(session["uploadUrl"]), headers)


async def _are_all_open(site: Site) -> bool:
    busy = select(func.count()).select_from(upload_sessions).where(upload_sessions.c.state != SessionState.OPEN)
    async with open_rows(site) as database, database.read() as db:
        return (await db.execute(busy)).scalar_one() == 0
