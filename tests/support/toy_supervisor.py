"""`safelight run` with two small programs in the places of the API and the worker: `toy_supervisor.py [ROLE]`."""

import asyncio
import os
import sys
from pathlib import Path

from redis import Redis
from rich.console import Console

from app.settings import Settings, load_settings
from app.supervisor.run import run

KEY = "sl_the-first-key-of-the-toy-0123456789abcdef"


async def serve_readyz() -> None:
    """Answers every request with 200, as the API does when it is ready."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    settings = load_settings()
    server = await asyncio.start_server(answer, settings.host, settings.port)
    await server.serve_forever()


def wait_for_jobs() -> None:
    """Waits for what never comes; ends with an error when Redis goes away, as arq does."""
    assert len(os.environ["SAFELIGHT_SECRET"]) >= 32
    Redis.from_url(os.environ["SAFELIGHT_REDIS_URL"]).blpop(["jobs"], timeout=0)


async def prepare(settings: Settings) -> str | None:
    """A key at the first start only."""
    mark = settings.data_dir / "prepared"
    is_first = not mark.exists()
    mark.touch()
    return KEY if is_first else None


class _FaultyConsole(Console):
    """Fails as nothing foresees, once a part has died."""

    def print(self, *objects: object, **options: object) -> None:
        if any("again in" in str(text) for text in objects):
            raise ValueError("a fault that nothing foresees")
        super().print(*objects, **options)  # type: ignore[arg-type]


def supervise() -> int:
    this = str(Path(__file__))
    roles = {name: os.environ.get(f"TOY_{name.upper()}", name) for name in ("api", "worker")}
    programs = {name: (sys.executable, this, role) for name, role in roles.items()}
    console = _FaultyConsole() if "TOY_FAULT" in os.environ else Console()
    return run(load_settings(), prepare, console, programs)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["api"]:
            asyncio.run(serve_readyz())
        case ["worker"]:
            wait_for_jobs()
        case ["broken"]:
            sys.exit("SAFELIGHT_STORE_URL: no such bucket")
        case _:
            sys.exit(supervise())
