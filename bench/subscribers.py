"""What idle subscriptions weigh and how fast one event reaches them all (goals S1 and S2).

    python -m bench.subscribers                                         # the toy schema of the protocol tests
    python -m bench.subscribers --url http://127.0.0.1:8000/graphql --pid 4711 \
        --query 'subscription {…}' --trigger 'mutation {…}' [--key sk_…] [--sockets 1000] [--rounds 5]

The client speaks WebSocket by hand: a client library would take longer to read a frame than the server to write it.
Each round sends `trigger` once by HTTP and waits for one frame on every socket; the clock starts when the trigger's
request is sent. `{round}` in the trigger is replaced by the round's number.
"""

import argparse
import asyncio
import base64
import json
import os
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.support.servers.ports import find_free_port

ROOT = Path(__file__).parents[1]
CONNECTING_AT_ONCE = 50
LIMIT_S = 60.0


class Subscriber(asyncio.Protocol):
    """One socket with one subscription; notes when frames come, not what is in them."""

    def __init__(self, host: str, path: str, frames: list[bytes]) -> None:
        self._host = host
        self._path = path
        self._frames = frames
        self._buffer = bytearray()
        self._is_open = False
        self.acknowledged = asyncio.get_running_loop().create_future()
        self.received = asyncio.Event()
        self.received_at_s = 0.0
        self.frame_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        now_s = time.perf_counter()
        self._buffer += data
        if not self._is_open:
            head, found, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not found:
                return
            assert b" 101 " in head.split(b"\r\n")[0], head
            self._is_open = True
            self._buffer = bytearray(rest)
            self._transport.write(self._frames[0])
        while (payload := self._next_payload()) is not None:
            self._take(payload, now_s)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.acknowledged.done():
            self.acknowledged.set_exception(exc or ConnectionError("closed"))

    def close(self) -> None:
        self._transport.abort()

    def _take(self, payload: bytes, now_s: float) -> None:
        if not self.acknowledged.done():
            assert b"connection_ack" in payload, payload
            self._transport.write(self._frames[1])
            self.acknowledged.set_result(None)
            return
        self.received_at_s = now_s
        self.frame_bytes = len(payload)
        self.received.set()

    def _next_payload(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1] & 127, 2
        if length == 126:
            length, start = struct.unpack("!H", buffer[2:4])[0] if len(buffer) >= 4 else 1 << 62, 4
        elif length == 127:
            length, start = struct.unpack("!Q", buffer[2:10])[0] if len(buffer) >= 10 else 1 << 62, 10
        if len(buffer) < start + length:
            return None
        payload = bytes(buffer[start : start + length])
        del buffer[: start + length]
        return payload


def make_frame(message: Mapping[str, object]) -> bytes:
    """Encode a client's text frame; the mask is all zeros, which the protocol allows and servers cannot tell."""
    payload = json.dumps(message).encode()
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack("!H", len(payload))
    return b"\x81" + length + bytes(4) + payload


def rss_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


async def connect_all(arguments: argparse.Namespace) -> list[Subscriber]:
    target = urlsplit(arguments.url)
    init: dict[str, object] = {"type": "connection_init"}
    if arguments.key:
        init["payload"] = {"Authorization": f"Bearer {arguments.key}"}
    subscribe = {"type": "subscribe", "id": "1", "payload": {"query": arguments.query}}
    frames = [make_frame(init), make_frame(subscribe)]
    gate = asyncio.Semaphore(CONNECTING_AT_ONCE)
    loop = asyncio.get_running_loop()

    async def connect() -> Subscriber:
        async with gate:
            _, subscriber = await loop.create_connection(
                lambda: Subscriber(target.netloc, target.path, frames), target.hostname, target.port
            )
            await subscriber.acknowledged
        return subscriber

    return list(await asyncio.gather(*(connect() for _ in range(arguments.sockets))))


async def deliver(arguments: argparse.Namespace, subscribers: list[Subscriber], number: int) -> list[float]:
    """One event to all; returns each socket's delay in ms, sorted."""
    for subscriber in subscribers:
        subscriber.received.clear()
    headers = {"Authorization": f"Bearer {arguments.key}"} if arguments.key else {}
    async with httpx.AsyncClient(headers=headers) as client:
        # The first request of a client pays for its connection.
        await client.post(arguments.url, json={"query": "{__typename}"})
        began_s = time.perf_counter()
        answer = await client.post(arguments.url, json={"query": arguments.trigger.replace("{round}", str(number))})
    assert "errors" not in answer.json(), answer.text
    async with asyncio.timeout(LIMIT_S):
        for subscriber in subscribers:
            await subscriber.received.wait()
    return sorted(1000 * (subscriber.received_at_s - began_s) for subscriber in subscribers)


async def measure(arguments: argparse.Namespace) -> None:
    await asyncio.sleep(1.0)
    before_kib = rss_kib(arguments.pid)
    began_s = time.perf_counter()
    subscribers = await connect_all(arguments)
    took_s = time.perf_counter() - began_s
    # The last subscriptions are still being opened; memory settles.
    await asyncio.sleep(arguments.settle)
    idle_kib = (rss_kib(arguments.pid) - before_kib) / arguments.sockets
    print(f"{arguments.sockets} sockets: {idle_kib:.1f} KiB each, {arguments.sockets / took_s:.0f} connects/s")
    rounds = [await deliver(arguments, subscribers, number) for number in range(1, arguments.rounds + 1)]
    for delays in rounds:
        print(f"  first {delays[0]:6.1f}  median {statistics.median(delays):6.1f}  last {delays[-1]:6.1f} ms")
    last = statistics.median(delays[-1] for delays in rounds)
    print(f"last delivery, median of {len(rounds)} rounds: {last:.1f} ms; frames of {subscribers[0].frame_bytes} bytes")
    for subscriber in subscribers:
        subscriber.close()


@contextmanager
def toy_server(arguments: argparse.Namespace) -> Iterator[None]:
    """Serve the toy schema, and fill in what was not said about the server."""
    port = find_free_port()
    command = [sys.executable, "-m", "tests.support.toy_schema", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    arguments.url, arguments.pid = f"http://127.0.0.1:{port}/graphql", process.pid
    sign = "" if arguments.shared else "-"
    arguments.trigger = f'mutation {{ announce(number: {sign}{{round}}, text: "{"x" * 1000}") }}'
    arguments.query = "subscription { announcements { number text contextNumber } }"
    try:
        for _ in range(200):
            try:
                httpx.get(f"http://127.0.0.1:{port}/status")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="the endpoint, http://…/graphql; default: a toy server of our own")
    parser.add_argument("--pid", type=int, help="the process whose memory counts")
    parser.add_argument("--query", help="the subscription")
    parser.add_argument("--trigger", help="the mutation that makes the event")
    parser.add_argument("--key", help="an API key")
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--settle", type=float, default=2.0, help="seconds between the last connect and the weighing")
    parser.add_argument("--unshared", dest="shared", action="store_false", help="toy: execute for each subscriber")
    arguments = parser.parse_args()
    if arguments.url is None:
        with toy_server(arguments):
            asyncio.run(measure(arguments))
        return
    if not (arguments.pid and arguments.query and arguments.trigger):
        parser.error("--url needs --pid, --query and --trigger")
    asyncio.run(measure(arguments))


if __name__ == "__main__":
    main()
