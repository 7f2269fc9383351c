"""Workers and APIs that are told to stop, or stop without being told: what they had is handed on, once."""

import asyncio
import signal
import time

from tests.e2e.clients import Client
from tests.e2e.logs import faults_of
from tests.e2e.servers import Program
from tests.faults.auditing import assert_clean, temporary_files
from tests.faults.conftest import MakeSite
from tests.faults.crowd import (
    EIGHT,
    ask_images,
    assert_served,
    draw_pictures,
    send_all,
    send_patiently,
    until,
    until_rendering,
    wait_complete,
    zygotes_of_worker,
)
from tests.faults.keeping import descendants_of, kept_running, kill_pid
from tests.pictures import make_jpeg

DRAIN_S, QUICK_S = 10.0, 4.0
LEASE_AND_SWEEP_S = 15.0


async def test_a_worker_that_sleeps_past_its_lease_and_wakes_up_changes_nothing(make_plain_site: MakeSite) -> None:
    site = make_plain_site(workers=2).site
    sleeper, other = site.workers
    other.stop()
    content = make_jpeg(3000, 2000, noise=True)
    async with Client(site.base_url) as client:
        sending = asyncio.create_task(send_patiently(client, content, **EIGHT))
        await until_rendering(site)
        _send_to_all(sleeper.pid, signal.SIGSTOP)
        stopped_at = time.monotonic()
        other.start()
        sent = await sending
        await wait_complete(client, [sent], within_s=LEASE_AND_SWEEP_S + 10)
        print(f"taken over and READY {time.monotonic() - stopped_at:.1f} s after the worker stopped")
        (ready,) = await ask_images(client, [sent.session.image_id])

        _send_to_all(sleeper.pid, signal.SIGCONT)
        await until(lambda: _is_idle(sleeper.pid, zygotes_of_worker(site)), within_s=20, what="idle")
        (after,) = await ask_images(client, [sent.session.image_id])

        assert after == ready
        await assert_served(client, [sent])
        assert_clean(site)


async def test_sigterm_under_load_drains_within_10_seconds_and_nothing_is_lost(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    async with Client(site.base_url) as client:
        sending = asyncio.create_task(send_all(client, draw_pictures(16, seed=900)))
        await until_rendering(site)
        took_s = {}
        with kept_running(*site.apis):
            for program in (site.workers[0], site.apis[0]):
                started_at = time.monotonic()
                status = await asyncio.to_thread(_terminate, program)
                took_s[program.name] = time.monotonic() - started_at
                assert status == 0, program.log
                if program is site.workers[0]:
                    program.start()
            sent = await sending
            await wait_complete(client, sent, within_s=30)

        print(f"drained in {took_s} s")
        assert max(took_s.values()) < DRAIN_S
        await assert_served(client, sent)
        assert_clean(site)
        assert temporary_files(site) == []


async def test_an_open_event_stream_keeps_no_api_from_stopping(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    asked = {"query": "subscription { library { kind } }"}
    headers = {"Accept": "text/event-stream"}
    async with (
        Client(site.base_url) as client,
        client.http.stream("POST", "/graphql", json=asked, headers=headers) as stream,
    ):
        told = stream.aiter_text()
        assert await anext(told) == ":\n\n"
        started_at = time.monotonic()

        status = await asyncio.to_thread(_terminate, site.apis[0])

        took_s = time.monotonic() - started_at
        last_words = [text async for text in told]

    assert (status, last_words) == (0, [])  # no `complete`, after which a client would not come again
    assert took_s < QUICK_S
    assert faults_of(site) == []


def _terminate(program: Program) -> int:
    # `Program.stop` kills what takes too long, which would hide it.
    process = program.process
    assert process is not None
    process.send_signal(signal.SIGTERM)
    return process.wait(15)


async def _is_idle(worker_pid: int, zygotes: int) -> bool:
    return len(descendants_of(worker_pid)) == zygotes


def _send_to_all(pid: int, number: int) -> None:
    for one in [pid, *descendants_of(pid)]:
        kill_pid(one, number)
