"""A client that hangs up in the middle of a large answer is sent no more of it, by the server that we run."""

import asyncio
import socket

import uvicorn
from starlette.types import Receive, Scope, Send

from app.connections.http import BoundedHttpProtocol
from app.routes.listening import while_heard
from tests.support.waiting import LIMIT_S

PIECE = b"x" * 65_536
PIECES = 20_000
"""1.3 GB: more than any buffer on the way holds."""


class LongAnswer:
    def __init__(self) -> None:
        self.sent_pieces = 0
        self.ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        with while_heard(receive, send) as send_on:
            await send_on({"type": "http.response.start", "status": 200, "headers": []})
            while self.sent_pieces < PIECES:
                await send_on({"type": "http.response.body", "body": PIECE, "more_body": True})
                self.sent_pieces += 1
        self.ended.set()


async def test_who_hangs_up_is_sent_no_more() -> None:
    answer = LongAnswer()
    server = uvicorn.Server(uvicorn.Config(answer, log_config=None, lifespan="off", http=BoundedHttpProtocol))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readexactly(100_000)

        writer.close()
        async with asyncio.timeout(LIMIT_S):
            await answer.ended.wait()

        server.should_exit = True
        await serving
    assert answer.sent_pieces < PIECES
