"""graphql-transport-ws, frame by frame: what the protocol demands and what nobody should send."""

import json

import pytest
from websockets.asyncio.client import connect

from tests.support.client import UNHURRIED
from tests.support.toy_process import ToyServer
from tests.support.ws_client import (
    close_code,
    raw_socket,
    ready_socket,
    receive,
    send,
    subscribe,
)

pytestmark = pytest.mark.usefixtures("traceback_free")


async def test_subscription_sends_next_for_each_event_then_complete(toy: ToyServer) -> None:
    async with ready_socket(toy) as socket:
        await subscribe(socket, "subscription($n:Int!){count(to:$n)}", variables={"n": 2}, operationName=None)

        frames = [await receive(socket) for _ in range(3)]

    assert frames == [
        {"id": "1", "type": "next", "payload": {"data": {"count": 0}}},
        {"id": "1", "type": "next", "payload": {"data": {"count": 1}}},
        {"id": "1", "type": "complete"},
    ]


async def test_queries_and_mutations_run_on_a_socket_too(toy: ToyServer) -> None:
    async with ready_socket(toy) as socket:
        await subscribe(socket, 'mutation{shout(text:"x")}', operation_id='quoted " id')

        frames = [await receive(socket) for _ in range(2)]

    assert frames == [
        {"id": 'quoted " id', "type": "next", "payload": {"data": {"shout": "X"}}},
        {"id": 'quoted " id', "type": "complete"},
    ]


async def test_every_operation_and_every_event_has_a_context_of_its_own(toy: ToyServer) -> None:
    async with ready_socket(toy) as socket:
        numbers = []
        for operation_id in ("1", "2", "3"):
            await subscribe(socket, "{contextNumber}", operation_id=operation_id)
            numbers.append((await receive(socket))["payload"]["data"]["contextNumber"])
            await receive(socket)

    assert len(set(numbers)) == 3


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "INVALID_REQUEST"),
        ("", "INVALID_REQUEST"),
        ("{nothing}", "INVALID_REQUEST"),
        ("query($n:Int!){items(first:$n){totalCount}}", "INVALID_REQUEST"),
        ("query A{hello} query B{hello}", "INVALID_REQUEST"),
        ("{" + "a " * 3000 + "}", "QUERY_TOO_COMPLEX"),
        ("subscription{expires}", "NOT_FOUND"),
    ],
)
async def test_refused_operation_ends_with_an_error_and_the_socket_stays_open(
    toy: ToyServer, query: str, code: str
) -> None:
    async with ready_socket(toy) as socket:
        await subscribe(socket, query)
        refusal = await receive(socket)
        await subscribe(socket, "{hello}")
        answer = await receive(socket)

    assert (refusal["id"], refusal["type"]) == ("1", "error")
    assert refusal["payload"][0]["extensions"]["code"] == code
    assert answer["payload"] == {"data": {"hello": "hello world"}}


async def test_unknown_operation_name_ends_with_an_error(toy: ToyServer) -> None:
    async with ready_socket(toy) as socket:
        await subscribe(socket, "query A{hello}", operationName="B")

        assert (await receive(socket))["type"] == "error"


async def test_subscription_that_fails_later_ends_with_its_code(toy: ToyServer) -> None:
    async with ready_socket(toy) as socket:
        await subscribe(socket, "subscription{expires(after:1)}")

        frames = [await receive(socket) for _ in range(2)]

    assert [frame["type"] for frame in frames] == ["next", "error"]
    assert frames[1]["payload"][0]["extensions"]["code"] == "NOT_FOUND"
    assert frames[1]["payload"][0]["path"] == ["expires"]


BAD_FRAMES = {
    "list": "[]",
    "string": '"s"',
    "null": "null",
    "number": "5",
    "empty": "",
    "half": '{"type":"ping"',
    "no type": "{}",
    "null type": '{"type":null}',
    "list type": '{"type":[]}',
    "unknown type": '{"type":"nope"}',
    "server's type": '{"type":"next","id":"1","payload":{}}',
    "legacy start": '{"type":"start","id":"1","payload":{"query":"{hello}"}}',
    "null payload": '{"type":"subscribe","id":"1","payload":null}',
    "list payload": '{"type":"subscribe","id":"1","payload":[]}',
    "no payload": '{"type":"subscribe","id":"1"}',
    "empty payload": '{"type":"subscribe","id":"1","payload":{}}',
    "numeric query": '{"type":"subscribe","id":"1","payload":{"query":5}}',
    "list of variables": '{"type":"subscribe","id":"1","payload":{"query":"{hello}","variables":[]}}',
    "numeric operation name": '{"type":"subscribe","id":"1","payload":{"query":"{hello}","operationName":5}}',
    "text of extensions": '{"type":"subscribe","id":"1","payload":{"query":"{hello}","extensions":"x"}}',
    "no id": '{"type":"subscribe","payload":{"query":"{hello}"}}',
    "numeric id": '{"type":"subscribe","id":1,"payload":{"query":"{hello}"}}',
    "list id": '{"type":"subscribe","id":[],"payload":{"query":"{hello}"}}',
    "empty id": '{"type":"subscribe","id":"","payload":{"query":"{hello}"}}',
    "long id": json.dumps({"type": "subscribe", "id": "x" * 129, "payload": {"query": "{hello}"}}),
    "complete without id": '{"type":"complete"}',
    "complete with object id": '{"type":"complete","id":{}}',
    "ping with list": '{"type":"ping","payload":[]}',
    "pong with text": '{"type":"pong","payload":"x"}',
    "init with list": '{"type":"connection_init","payload":[]}',
    "deep": '{"type":"ping","payload":' + "[" * 20_000 + "]" * 20_000 + "}",
    "nested ping": '{"type":"ping","payload":{"a":' + "[" * 500 + "]" * 500 + "}}",
    "nan": '{"type":"ping","payload":{"a":NaN}}',
}


@pytest.mark.parametrize("frame", BAD_FRAMES.values(), ids=BAD_FRAMES.keys())
async def test_malformed_frame_closes_with_4400(toy: ToyServer, frame: str) -> None:
    async with ready_socket(toy) as socket:
        await socket.send(frame)

        assert await close_code(socket) == 4400


async def test_binary_frame_closes_with_4400(toy: ToyServer) -> None:
    async with ready_socket(toy) as socket:
        await socket.send(b'{"type":"ping"}')

        assert await close_code(socket) == 4400


async def test_message_over_64_kib_closes_with_1009(toy: ToyServer) -> None:
    async with ready_socket(toy) as socket:
        await send(socket, type="ping", payload={"x": "y" * 65_536})

        assert await close_code(socket) == 1009


async def test_subscribe_before_the_acknowledgement_closes_with_4401(toy: ToyServer) -> None:
    async with raw_socket(toy) as socket:
        await subscribe(socket, "{hello}")

        assert await close_code(socket) == 4401


async def test_no_init_closes_with_4408_even_if_the_client_pings(toy: ToyServer) -> None:
    async with raw_socket(toy, url=toy.impatient_url) as socket:
        await send(socket, type="ping")

        assert await close_code(socket) == 4408


async def test_second_init_closes_with_4429(toy: ToyServer) -> None:
    async with ready_socket(toy) as socket:
        await send(socket, type="connection_init")

        assert await close_code(socket) == 4429


async def test_id_in_use_closes_with_4409(toy: ToyServer) -> None:
    async with ready_socket(toy) as socket:
        await subscribe(socket, "subscription{never}")
        await subscribe(socket, "subscription{never}")

        assert await close_code(socket) == 4409


async def test_other_subprotocol_closes_with_4406(toy: ToyServer) -> None:
    async with connect(toy.socket_url, compression=None, **UNHURRIED) as socket:
        assert await close_code(socket) == 4406


async def test_completed_id_is_free_at_once(toy: ToyServer) -> None:
    async with ready_socket(toy) as socket:
        for _ in range(50):
            await subscribe(socket, "subscription{never}")
            assert (await receive(socket))["type"] == "next"
            await send(socket, type="complete", id="1")

        await send(socket, type="complete", id="unknown")
        await subscribe(socket, "{hello}")
        assert (await receive(socket))["payload"] == {"data": {"hello": "hello world"}}


async def test_twenty_first_operation_is_refused_and_the_others_go_on(toy: ToyServer) -> None:
    async with ready_socket(toy) as socket:
        for number in range(20):
            await subscribe(socket, "subscription{never}", operation_id=str(number))
            await receive(socket)
        await subscribe(socket, "{hello}", operation_id="x")
        refusal = await receive(socket)
        await send(socket, type="complete", id="7")
        await subscribe(socket, "{hello}", operation_id="x")
        answer = await receive(socket)

    assert refusal["type"] == "error"
    assert refusal["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert answer["type"] == "next"


@pytest.mark.parametrize("payload", [None, {}, {"a": [1, {"b": None}]}])
async def test_pong_echoes_the_pings_payload(toy: ToyServer, payload: dict[str, object] | None) -> None:
    expected = {"type": "pong"} if payload is None else {"type": "pong", "payload": payload}
    async with ready_socket(toy) as socket:
        await send(socket, **{**expected, "type": "ping"})

        assert await receive(socket) == expected


async def test_subscription_is_cleaned_up_when_its_client_vanishes(toy: ToyServer) -> None:
    async with ready_socket(toy) as socket:
        await subscribe(socket, "subscription{announcements{number}}")
        await toy.wait_for(1, 1)

        socket.transport.abort()

        await toy.wait_for(1, 0)
        await toy.wait_for(0, 0)


async def test_one_event_is_executed_once_for_all_equal_operations(toy: ToyServer) -> None:
    query = "subscription{announcements{number text contextNumber}}"
    async with ready_socket(toy) as publisher, ready_socket(toy) as socket:
        for number in range(20):
            await subscribe(socket, query, operation_id=str(number))
        await toy.wait_for(1, 20)
        executions_before = (await toy.status())[2]

        await subscribe(publisher, 'mutation{announce(number:1,text:"x")}')
        shared = [(await receive(socket))["payload"]["data"]["announcements"] for _ in range(20)]
        await subscribe(publisher, 'mutation{announce(number:-1,text:"x")}', operation_id="2")
        unshared = [(await receive(socket))["payload"]["data"]["announcements"] for _ in range(20)]

    assert len({event["contextNumber"] for event in shared}) == 1
    assert len({event["contextNumber"] for event in unshared}) == 20
    assert (await toy.status())[2] - executions_before == 21


class TestFaults:
    """Their tracebacks are wanted."""

    @pytest.fixture
    def traceback_free(self) -> None:
        return

    async def test_fault_while_authenticating_closes_with_4500_and_is_logged_once(self, toy: ToyServer) -> None:
        before = len(toy.log)
        async with raw_socket(toy) as socket:
            await send(socket, type="connection_init", payload={"Authorization": "crash"})

            assert await close_code(socket) == 4500

        assert toy.log[before:].count("graphql_fault") == 1

    async def test_fault_in_a_stream_is_masked(self, toy: ToyServer) -> None:
        async with ready_socket(toy) as socket:
            await subscribe(socket, "subscription{explodes}")
            frames = [await receive(socket) for _ in range(2)]
            await subscribe(socket, "{hello}")
            answer = await receive(socket)

        assert [frame["type"] for frame in frames] == ["next", "error"]
        assert frames[1]["payload"][0]["extensions"]["code"] == "INTERNAL"
        assert "secret" not in json.dumps(frames)
        assert answer["type"] == "next"
