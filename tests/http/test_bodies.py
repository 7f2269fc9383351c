"""A request's body: its end, its breaking off, and patience that ends."""

import asyncio
from collections.abc import Callable, Iterable

import pytest
from starlette.requests import Request
from starlette.types import Message

from app.errors import UploadIncomplete
from app.routes.bodies import read_body
from tests.support.waiting import in_time


def make_request(messages: Iterable[Message]) -> Request:
    waiting = iter(messages)

    async def receive() -> Message:
        message = next(waiting, None)
        if message is None:
            await asyncio.Event().wait()
        assert message is not None
        return message

    return Request({"type": "http", "method": "PUT", "headers": []}, receive)


def body(content: bytes, *, is_last: bool = False) -> Message:
    return {"type": "http.request", "body": content, "more_body": not is_last}


async def test_chunks_come_as_they_are_until_the_last() -> None:
    request = make_request([body(b"a"), body(b""), body(b"bc"), body(b"d", is_last=True), body(b"never asked for")])

    assert [chunk async for chunk in read_body(request)] == [b"a", b"bc", b"d"]


async def test_a_connection_that_ends_first_is_incomplete() -> None:
    request = make_request([body(b"a"), {"type": "http.disconnect"}])
    chunks = read_body(request)

    first = await anext(chunks)

    assert first == b"a"
    with pytest.raises(UploadIncomplete):
        await anext(chunks)


@pytest.mark.parametrize("before", [[], [body(b"x" * 1000)]], ids=["silent", "nearly silent"])
async def test_a_client_that_stalls_is_let_go_when_its_window_ends(
    before: list[Message], advance: Callable[[float], None]
) -> None:
    reading = asyncio.create_task(_drain(make_request(before)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    advance(10)
    # Time for it to end, if it were to.
    await asyncio.sleep(0.05)
    was_patient = not reading.done()
    advance(10.1)

    with pytest.raises(UploadIncomplete):
        await in_time(reading)
    assert was_patient


@pytest.fixture
async def advance() -> Callable[[float], None]:
    """Move the event loop's clock on."""
    loop = asyncio.get_running_loop()
    real, offset_s = loop.time, 0.0

    def now() -> float:
        return real() + offset_s

    def move(seconds: float) -> None:
        nonlocal offset_s
        offset_s += seconds
        # A loop that sleeps computed for how long by its old clock.
        loop.call_soon(lambda: None)

    loop.time = now  # type: ignore[method-assign]  # the one clock that deadlines are read from
    return move


async def _drain(request: Request) -> None:
    async for _ in read_body(request):
        pass
