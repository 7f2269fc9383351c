"""Workers and APIs that are stopped, or stop by themselves: their work is handed on, once."""

import asyncio
import re
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.client import Client
from tests.support.fault_sites import MakeSite
from tests.support.graphql_client import ask_session
from tests.support.invariants import assert_clean, temporary_files
from tests.support.load import (
    EIGHT,
    ask_images,
    assert_served,
    draw_pictures,
    draw_slow_pictures,
    send_all,
    send_patiently,
    until_rendering,
    wait_complete,
    zygotes_of_worker,
)
from tests.support.pictures import make_jpeg, make_png
from tests.support.process_control import descendants_of, kept_running, kill_pid
from tests.support.raw_http import open_wire
from tests.support.site import Program
from tests.support.site_logs import faults_of
from tests.support.waiting import LIMIT_S, eventually, wait_until

FULL = pytest.mark.full("another moment to stop at; `make test` stops a worker and an API under load")
BROKEN_OFF = "requests_broken_off"
"""In the log of an API whose requests outlived the drain."""
ORIGINAL_ONLY: dict[str, Any] = {"processing": {"profile": "ORIGINAL_ONLY"}}


@FULL
async def test_a_worker_that_sleeps_past_its_lease_and_wakes_up_changes_nothing(make_plain_site: MakeSite) -> None:
    site = make_plain_site(workers=2).site
    sleeper, other = site.workers
    other.stop()
    content = make_jpeg(3000, 2000, noise=True)
    async with site.client() as client:
        sending = asyncio.create_task(send_patiently(client, content, **EIGHT))
        await until_rendering(site)
        _send_to_all(sleeper.pid, signal.SIGSTOP)
        other.start()
        sent = await sending
        await wait_complete(client, [sent])
        (ready,) = await ask_images(client, [sent.session.image_id])

        _send_to_all(sleeper.pid, signal.SIGCONT)
        await eventually(lambda: len(descendants_of(sleeper.pid)) == zygotes_of_worker(site), "idle")
        (after,) = await ask_images(client, [sent.session.image_id])

        assert after == ready
        await assert_served(client, [sent])
        assert_clean(site)


async def test_sigterm_under_load_ends_worker_and_api_and_loses_nothing(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    async with site.client() as client:
        sending = asyncio.create_task(send_all(client, [*draw_slow_pictures(2), *draw_pictures(3, seed=300)]))
        await until_rendering(site)
        with kept_running(*site.apis):
            for program in (site.workers[0], site.apis[0]):
                assert await asyncio.to_thread(_terminate, program) == 0, program.log
                if program is site.workers[0]:
                    program.start()
            sent = await sending
            await wait_complete(client, sent)

        await assert_served(client, sent)
        assert_clean(site)
        assert temporary_files(site) == []


@FULL
async def test_an_open_event_stream_keeps_no_api_from_stopping(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    asked = {"query": "subscription { library { kind } }"}
    headers = {"Accept": "text/event-stream"}
    async with (
        site.client() as client,
        client.http.stream("POST", "/graphql", json=asked, headers=headers) as stream,
    ):
        told = stream.aiter_text()
        assert await anext(told) == ":\n\n"

        status = await asyncio.to_thread(_terminate, site.apis[0])

        last_words = [text async for text in told]

    assert (status, last_words) == (0, [])  # no `complete`, after which a client would not come again
    assert BROKEN_OFF not in site.apis[0].log  # it was not waited for until the drain's end
    assert faults_of(site) == []


@FULL
@pytest.mark.parametrize("path", ["/f/{id}/webp/small.webp?wait=25", "/t/{id}/w=40.webp?wait=25"])
async def test_request_held_for_a_picture_is_answered_before_the_drain_ends(
    make_plain_site: MakeSite, path: str
) -> None:
    site = make_plain_site().site
    site.workers[0].stop()
    content = make_jpeg(64, 48)
    async with site.client() as client:
        session = await client.open_session(len(content))
        if path.startswith("/t/"):
            await client.send(session, content)
        waiting = asyncio.create_task(client.http.get(path.format(id=session.image_id)))
        await eventually(lambda: _is_a_request_held(client), "held")

        status = await asyncio.to_thread(_terminate, site.apis[0])

        answer = await waiting
    assert (status, answer.status_code, answer.json()["code"]) == (0, 503, "VARIANT_NOT_READY")
    assert (answer.headers["retry-after"], answer.headers["cache-control"]) == ("1", "no-store")
    assert BROKEN_OFF not in site.apis[0].log
    assert faults_of(site) == []


@FULL
async def test_a_request_that_outlives_the_drain_is_answered_in_its_own_words(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    content = make_jpeg(640, 480, noise=True)
    async with site.client() as client:
        session = await client.open_session(len(content))
        async with open_wire(session.upload_url) as upload, open_wire(site.base_url) as graphql:
            bearer = {"Authorization": f"Bearer {session.token}", "Content-Length": str(len(content))}
            await upload.send_head("PUT", urlsplit(session.upload_url).path, bearer)
            await upload.send(content[:1000])
            json_head = {"Content-Type": "application/json", "Content-Length": "100"}
            await graphql.send_head("POST", "/graphql", json_head)
            await graphql.send(b"{")
            await eventually(lambda: _is_receiving(client, session.id), "receiving")
            status = await asyncio.to_thread(_terminate, site.apis[0])
            answer, refused = await upload.read_answer(), await graphql.read_answer()

        assert (status, answer.status, answer.code) == (0, 503, "UNAVAILABLE")
        assert (answer.headers["retry-after"], answer.headers["cache-control"]) == ("1", "no-store")
        assert answer.headers["x-request-id"] == answer.json["request_id"]
        assert (refused.status, refused.json["errors"][0]["extensions"]["code"]) == (503, "UNAVAILABLE")
        assert faults_of(site) == []

        assert temporary_files(site) == []
        site.apis[0].start()
        site.wait_ready()
        assert (await client.send(session, content)).status_code == 201


@FULL
async def test_a_download_that_outlives_the_drain_breaks_off_and_is_no_fault(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    async with site.client() as client:
        sent = await send_patiently(client, make_png(2500, 2500, noise=True), **ORIGINAL_ONLY)
        async with open_wire(site.base_url) as wire:
            bearer = {"Authorization": f"Bearer {client.key}"}
            await wire.send_head("GET", f"/images/{sent.session.image_id}/blob", bearer)
            await wire.read(1000)
            status = await asyncio.to_thread(_terminate, site.apis[0])

    assert status == 0
    assert BROKEN_OFF in site.apis[0].log
    assert faults_of(site) == []


@FULL
async def test_a_worker_ends_at_whatever_moment_after_its_start_it_is_stopped(make_plain_site: MakeSite) -> None:
    worker = make_plain_site(workers=1).site.workers[0]
    worker.stop()
    for delay_s in (0, 0, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.12, 0.25, 0.5):
        worker.start()
        await asyncio.to_thread(_wait_until_it_hears, worker)
        await asyncio.sleep(delay_s)  # tried here: any moment after that

        assert await asyncio.to_thread(_terminate, worker) == 0

    assert "tasks_left" not in worker.log


def _wait_until_it_hears(program: Program) -> None:
    wait_until(lambda: _catches(program.pid, signal.SIGTERM) or not program.is_running)
    assert program.is_running


def _catches(pid: int, number: int) -> bool:
    (caught,) = re.findall(r"SigCgt:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())
    return bool(int(caught, 16) & 1 << (number - 1))


async def _is_a_request_held(client: Client) -> bool:
    return "\nsafelight_subscribers 1.0" in (await client.http.get("/metrics")).text


async def _is_receiving(client: Client, session_id: str) -> bool:
    return bool((await ask_session(client, session_id))["state"] == "RECEIVING")


def _terminate(program: Program) -> int:
    # `Program.stop` kills what takes too long, which would hide it.
    process = program.process
    assert process is not None
    process.send_signal(signal.SIGTERM)
    return process.wait(LIMIT_S)


def _send_to_all(pid: int, number: int) -> None:
    for one in [pid, *descendants_of(pid)]:
        kill_pid(one, number)
