"""Background tasks end, even those that do not hear a cancellation, and are waited for within bounds."""

import asyncio
import sys

import pytest

from app import ending
from app.ending import end_soon, end_tasks
from tests.support.waiting import LIMIT_S, in_time

LONG_S = 60.0


@pytest.fixture(autouse=True)
def again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause between two cancellations is no subject here."""
    monkeypatch.setattr(ending, "AGAIN_S", 0.05)


class Deaf:
    """Runs on after the first cancellations; `told` counts them all."""

    def __init__(self, *, misses: int) -> None:
        self.told = 0
        self.misses = misses

    async def run(self) -> None:
        while True:
            try:
                await asyncio.sleep(LONG_S)
            except asyncio.CancelledError:
                self.told += 1
                if self.told > self.misses:
                    raise


async def _begun(*deaf: Deaf) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(one.run(), name=f"deaf-{number}") for number, one in enumerate(deaf)]
    await asyncio.sleep(0)
    return tasks


async def test_what_does_not_hear_the_first_cancellation_hears_the_second() -> None:
    deaf, hearing = Deaf(misses=1), Deaf(misses=0)
    tasks = await _begun(deaf, hearing)

    await end_tasks([*tasks, None], within_s=LIMIT_S)

    assert [task.cancelled() for task in tasks] == [True, True]
    assert (deaf.told, hearing.told) == (2, 1)


async def test_what_never_hears_is_left_and_told_of(caplog: pytest.LogCaptureFixture) -> None:
    deaf = Deaf(misses=sys.maxsize)
    (task,) = await _begun(deaf)

    await end_tasks([task], within_s=0.05)

    assert not task.done()
    assert [record.__dict__["tasks"] for record in caplog.records] == [["deaf-0"]]
    deaf.misses = 0
    await end_tasks([task], within_s=LIMIT_S)


async def test_what_a_task_raises_at_its_end_is_not_raised_again() -> None:
    async def fail() -> None:
        try:
            await asyncio.sleep(LONG_S)
        finally:
            raise OSError

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)

    await end_tasks([task])

    assert isinstance(task.exception(), OSError)


async def test_task_that_is_not_waited_for_is_ended_all_the_same() -> None:
    deaf = Deaf(misses=1)
    (task,) = await _begun(deaf)

    end_soon(task)
    await in_time(asyncio.wait([task]))

    assert (task.cancelled(), deaf.told) == (True, 2)
