"""For those who run it: /healthz, /readyz, /schema.graphql."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.errors import SafelightError
from app.routes.answers import json_response

CHECK_TIMEOUT_S = 2.5

Check = Callable[[], Awaitable[object]]


async def healthz(request: Request) -> Response:
    """The process answers."""
    return json_response({"status": "ok"})


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether all that is needed answers: 200, or 503 naming what does not."""

    checks: Mapping[str, Check]
    warnings: Mapping[str, str]

    async def __call__(self, request: Request) -> Response:
        """Ask everything at once."""
        answers = await asyncio.gather(*(is_answering(check) for check in self.checks.values()))
        parts = {
            name: "ok" if is_well else "does not answer" for name, is_well in zip(self.checks, answers, strict=True)
        }
        status = 200 if all(answers) else 503
        body = {"status": "ready" if status == 200 else "not ready", "checks": parts, "warnings": self.warnings}
        return json_response(body, status=status)


async def is_answering(check: Check) -> bool:
    """Whether the part answers within `CHECK_TIMEOUT_S`."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check()
    except (SafelightError, RedisError, OSError, TimeoutError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class SchemaRoute:
    """The SDL."""

    sdl: str

    async def __call__(self, request: Request) -> Response:
        """The schema in GraphQL's own language."""
        return PlainTextResponse(self.sdl, headers={"Access-Control-Allow-Origin": "*", "Cache-Control": "no-cache"})
