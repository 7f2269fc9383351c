"""Hosts of the internet, on loopback: they answer as a test says, and remember each request."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

HOST = "127.0.0.2"
"""Another address than the canary's, of the same machine: imports may be allowed to go here and nowhere else."""

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Host:
    """One listener."""

    port: int
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    """By path; the last one is given again and again."""
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    connections: int = 0
    serving: list[asyncio.Task[None]] = field(default_factory=list)

    def url(self, path: str) -> str:
        """Where a path of it lies."""
        return f"http://{HOST}:{self.port}{path}"

    def will(self, path: str, *answers: Answer) -> str:
        """Answer requests for a path like this, one after the other; its URL."""
        self.answers[path] = list(answers)
        return self.url(path)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        self.connections += 1
        task = asyncio.ensure_future(self._serve(reader, writer))
        # Also where it is cancelled before it began.
        task.add_done_callback(lambda _: writer.close())
        self.serving.append(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            path = head[0].split(" ")[1]
            self.requests.append((path, dict(line.split(": ", 1) for line in head[1:] if line)))
            answers = self.answers[path.partition("?")[0]]
            await (answers.pop(0) if len(answers) > 1 else answers[0])(writer)

    async def leave(self) -> None:
        """Break off whatever is still being answered."""
        for task in self.serving:
            task.cancel()
        await asyncio.gather(*self.serving, return_exceptions=True)


@contextlib.asynccontextmanager
async def running_host(address: str = HOST) -> AsyncIterator[Host]:
    """A host that serves until the context is left."""
    host = Host(port=0)
    server = await asyncio.start_server(host.serve, address, 0)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        server.close()
        await host.leave()


def reply(status: int, body: bytes = b"", **headers: str) -> Answer:
    """A whole answer; underscores in names of headers are dashes."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        named = {"Content-Length": str(len(body)), **{name.replace("_", "-"): headers[name] for name in headers}}
        lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in named.items() if value), "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()

    return answer


def redirect(location: str, **headers: str) -> Answer:
    """Leads on."""
    return reply(302, b"", Location=location, **headers)


def drip(body: bytes, *, chunk_bytes: int, pause_s: float, total_bytes: int | None = None) -> Answer:
    """Sends a body slowly; announces `total_bytes`, or what it has."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 X\r\nContent-Length: {total_bytes or len(body)}\r\n\r\n".encode())
        for start in range(0, len(body), chunk_bytes):
            writer.write(body[start : start + chunk_bytes])
            await writer.drain()
            await asyncio.sleep(pause_s)

    return answer


def endless(head: bytes) -> Answer:
    """Sends without end and says nothing of a length."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\n\r\n" + head)
        while True:
            writer.write(bytes(65_536))
            await writer.drain()

    return answer


async def silence(_writer: asyncio.StreamWriter) -> None:
    """Never answers."""
    await asyncio.get_running_loop().create_future()
