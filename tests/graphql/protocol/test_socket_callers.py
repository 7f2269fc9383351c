"""Who may open a socket: credentials and origins."""

import pytest
from websockets.exceptions import InvalidStatus

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


@pytest.mark.parametrize(
    ("payload", "viewer"),
    [
        ({"Authorization": "Bearer good"}, "good"),
        ({"authorization": "Bearer good"}, "good"),
        ({"X-API-Key": "good-2"}, "good-2"),
        ({"x-api-KEY": "good-2"}, "good-2"),
        ({"authorization": None, "other": 5}, "anonymous"),
        ({}, "anonymous"),
        (None, "anonymous"),
    ],
)
async def test_credential_in_connection_init_counts(
    toy: ToyServer, payload: dict[str, object] | None, viewer: str
) -> None:
    async with ready_socket(toy, payload) as socket:
        await subscribe(socket, "{viewer}")

        assert (await receive(socket))["payload"] == {"data": {"viewer": viewer}}


async def test_credential_in_the_handshake_counts(toy: ToyServer) -> None:
    async with raw_socket(toy, additional_headers={"Authorization": "Bearer good"}) as socket:
        await send(socket, type="connection_init", payload=None)
        await receive(socket)
        await subscribe(socket, "{viewer}")

        assert (await receive(socket))["payload"] == {"data": {"viewer": "good"}}


@pytest.mark.parametrize("credential", ["Bearer nonsense", "", 5, ["Bearer good"], {}])
async def test_wrong_credential_closes_with_4403(toy: ToyServer, credential: object) -> None:
    async with raw_socket(toy) as socket:
        await send(socket, type="connection_init", payload={"Authorization": credential})

        assert await close_code(socket) == 4403


async def test_unavailable_database_closes_with_1013(toy: ToyServer) -> None:
    async with raw_socket(toy) as socket:
        await send(socket, type="connection_init", payload={"Authorization": "later"})

        assert await close_code(socket) == 1013


async def test_revoked_key_is_refused_on_an_open_socket(toy: ToyServer) -> None:
    async with ready_socket(toy, {"Authorization": "good-until-revoked"}) as socket, ready_socket(toy) as other:
        await subscribe(socket, "subscription{never}")
        await subscribe(other, 'mutation{revoke(key:"good-until-revoked")}')

        assert await close_code(socket) == 4403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://friend.example.evil.example", "x"])
async def test_page_of_a_foreign_origin_is_refused_in_the_handshake(toy: ToyServer, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with raw_socket(toy, additional_headers={"Origin": origin}):
            pass

    assert refusal.value.response.status_code == 403


async def test_own_and_configured_origins_are_let_in(toy: ToyServer) -> None:
    for origin in (f"http://127.0.0.1:{toy.port}", "https://friend.example"):
        async with raw_socket(toy, additional_headers={"Origin": origin}) as socket:
            await send(socket, type="connection_init")
            assert await receive(socket) == {"type": "connection_ack"}
