"""A cage to be damaged: one slot, one slow picture, and a look at what is left."""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from app.domain.formats import ImageFormat
from app.errors import RenderTimeout, Starved
from app.rendering.limits import CageLimits
from app.rendering.protocol import Answer
from app.rendering.sandbox import Cage
from tests.support.render_fixture import box, make_spec, read_facts, render
from tests.support.render_inputs import make_noise, make_quarters, save
from tests.support.render_processes import children_of, own_zygotes, wait_for_child
from tests.support.unhurried import UNHURRIED_CAGE
from tests.support.waiting import eventually

Strike = Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class FaultPictures:
    """A picture that takes a second in each file that is made of it, and one that takes no time."""

    slow: Path
    quick: Path


@pytest.fixture(scope="module")
def fault_pictures(tmp_path_factory: pytest.TempPathFactory) -> FaultPictures:
    directory = tmp_path_factory.mktemp("pictures")
    return FaultPictures(
        save(make_noise(1800, 1800), directory / "slow.jpg", quality=90),
        save(make_quarters(60, 40), directory / "quick.png"),
    )


class Site:
    """A cage of one slot, and a slow and a quick job for it."""

    def __init__(self, directory: Path, pictures: FaultPictures) -> None:
        self.scratch = directory / "scratch"
        self.slow, self.quick = pictures.slow, pictures.quick
        slow_spec = make_spec(self.slow, ImageFormat.AVIF, box(1800), quality=95)
        # So many that it is still at work when a busy machine comes to strike it.
        self.slow_specs = [replace(slow_spec, key=str(number)) for number in range(8)]
        self.quick_spec = make_spec(self.quick, ImageFormat.WEBP, box(20))
        self.before = set(own_zygotes())
        self.answers: list[Answer] = []
        """What the slow job said, as far as it was read."""

    async def open(self, limits: CageLimits = UNHURRIED_CAGE) -> Cage:
        self.cage = Cage(slots=1, scratch_dir=self.scratch, limits=limits)
        await self.cage.start()
        return self.cage

    async def render_slow(self, strike: Strike, *, when: type | None = None) -> None:
        """Render the slow picture and strike its child: as soon as it is there, or at an answer of this type."""
        self.answers.clear()
        async with self.cage.job(self.slow, read_facts(self.slow), self.slow_specs) as job:
            if when is None:
                await strike(await wait_for_child(self.zygote()))
            async for answer in job:
                self.answers.append(answer)
                if when is type(answer):
                    await strike(await wait_for_child(self.zygote()))

    def zygotes(self) -> set[int]:
        return set(own_zygotes()) - self.before

    def zygote(self) -> int:
        (pid,) = self.zygotes()
        return pid

    def left_overs(self) -> list[Path]:
        return list(self.scratch.rglob("job-*"))

    async def assert_healed(self) -> None:
        # Where a test has set a short deadline, a busy machine may need some tries.
        await eventually(self._renders, "it renders again", ignoring=(RenderTimeout, Starved))
        assert self.left_overs() == []
        assert children_of(self.zygote()) == []

    async def _renders(self) -> bool:
        outcome = await render(self.cage, self.quick, [self.quick_spec])
        return len(outcome.files) == 1


def sending(number: signal.Signals) -> Strike:
    async def send(pid: int) -> None:
        os.kill(pid, number)

    return send


@pytest_asyncio.fixture(name="site")
async def fault_site(tmp_path: Path, fault_pictures: FaultPictures) -> AsyncIterator[Site]:
    site = Site(tmp_path, fault_pictures)
    yield site
    await site.cage.close()
    assert list(site.scratch.iterdir()) == []
    assert set(own_zygotes()) <= site.before
