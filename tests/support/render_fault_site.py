"""A cage to be damaged: one slot, one slow picture, and a look at what is left."""

import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from app.domain.formats import ImageFormat
from app.rendering.limits import CageLimits
from app.rendering.sandbox import Cage
from tests.support.render_fixture import box, make_spec, read_facts, render
from tests.support.render_inputs import make_noise, make_quarters, save
from tests.support.render_processes import children_of, own_zygotes, wait_for_child

Strike = Callable[[int], Awaitable[None]]


class Site:
    """A cage of one slot, a picture that takes a second, and one that takes none."""

    def __init__(self, directory: Path) -> None:
        self.scratch = directory / "scratch"
        self.slow = save(make_noise(1800, 1800), directory / "slow.jpg", quality=90)
        self.quick = save(make_quarters(60, 40), directory / "quick.png")
        self.slow_spec = make_spec(self.slow, ImageFormat.AVIF, box(1800), quality=95)
        self.quick_spec = make_spec(self.quick, ImageFormat.WEBP, box(20))
        self.before = set(own_zygotes())

    async def open(self, limits: CageLimits | None = None) -> Cage:
        self.cage = Cage(slots=1, scratch_dir=self.scratch, limits=limits or CageLimits())
        await self.cage.start()
        return self.cage

    async def render_slow(self, strike: Strike, *, when: type | None = None) -> None:
        """Render the slow picture and strike its child: as soon as it is there, or at an answer of this type."""
        async with self.cage.job(self.slow, read_facts(self.slow), [self.slow_spec]) as job:
            if when is None:
                await strike(await wait_for_child(self.zygote()))
            async for answer in job:
                if when is type(answer):
                    await strike(await wait_for_child(self.zygote()))

    def zygote(self) -> int:
        (pid,) = set(own_zygotes()) - self.before
        return pid

    def left_overs(self) -> list[Path]:
        return list(self.scratch.rglob("job-*"))

    async def assert_healed(self) -> None:
        outcome = await render(self.cage, self.quick, [self.quick_spec])
        assert len(outcome.files) == 1
        assert self.left_overs() == []
        assert children_of(self.zygote()) == []


def sending(number: signal.Signals) -> Strike:
    async def send(pid: int) -> None:
        os.kill(pid, number)

    return send
