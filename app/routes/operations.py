"""For those who run it: /healthz, /readyz, /schema.graphql."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.errors import SafelightError
from app.routes.answers import json_response

CHECK_TIMEOUT_S = 2.5
PROBE_EVERY_S = 10.0
_RETRY_S = 2.0
SIGNALS_ABI = 6

Check = Callable[[], Awaitable[object]]


async def healthz(request: Request) -> Response:
    """The process answers."""
    return json_response({"status": "ok"})


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether all that is needed answers: 200, or 503 naming what does not."""

    checks: Mapping[str, Check]
    reads: Mapping[str, Check]
    """What images cannot be served without: all that `?for=reads` asks."""
    warnings: Mapping[str, str]
    read_landlock_abi: Callable[[], Awaitable[int | None]]
    """Of the workers' sandboxes."""

    async def __call__(self, request: Request) -> Response:
        """Ask everything at once; with `?for=reads` what serving images needs, for load balancers."""
        checks = self.reads if request.query_params.get("for") == "reads" else self.checks
        answers = await asyncio.gather(*(is_answering(check) for check in checks.values()))
        parts = {name: "ok" if is_well else "does not answer" for name, is_well in zip(checks, answers, strict=True)}
        status = 200 if all(answers) else 503
        abi = await self._read_abi() if parts.get("redis") == "ok" else None
        warnings = {**self.warnings, **_landlock_warning(abi)}
        body = {
            "status": "ready" if status == 200 else "not ready",
            "checks": parts,
            "warnings": warnings,
            "sandbox": {"landlockAbi": abi},
        }
        return json_response(body, status=status)

    async def _read_abi(self) -> int | None:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                return await self.read_landlock_abi()
        except (RedisError, OSError, TimeoutError):
            return None


def _landlock_warning(abi: int | None) -> Mapping[str, str]:
    if abi is None or not 0 < abi < SIGNALS_ABI:
        return {}
    return {
        "landlock": f"Landlock ABI {abi}: only from {SIGNALS_ABI} on (Linux 6.12) does it scope signals. "
        "Until then the system-call filter alone keeps decoders from signalling other processes."
    }


class Seldom:
    """A check that costs something: a good result counts for `PROBE_EVERY_S`, and requests at once share one check."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._asking: asyncio.Future[object] | None = None
        self._asked_at = 0.0

    async def __call__(self) -> object:
        """The check's result, or its error."""
        now = time.monotonic()
        if self._asking is None or (self._asking.done() and now - self._asked_at > self._counts_for_s(self._asking)):
            self._asking, self._asked_at = asyncio.ensure_future(self._check()), now
        return await asyncio.shield(self._asking)

    @staticmethod
    def _counts_for_s(done: "asyncio.Future[object]") -> float:
        is_bad = done.cancelled() or done.exception() is not None
        return _RETRY_S if is_bad else PROBE_EVERY_S


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
