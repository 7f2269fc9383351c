"""One warm cage for all tests that only render; those that break cages make their own."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from app.domain.formats import ImageFormat
from app.domain.headers.facts import Budget, HeaderFacts
from app.domain.headers.probe import probe
from app.domain.variants import Fit, Preset, plan_geometry
from app.rendering.job import Job
from app.rendering.protocol import Answer, Decoded, NotRendered, Rendered, RenderSpec
from app.rendering.sandbox import Cage
from tests.support.unhurried import UNHURRIED_CAGE


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cage]:
    """Tests that use it run in the loop of the session, as the cage does."""
    cage = Cage(slots=2, scratch_dir=tmp_path_factory.mktemp("scratch"), limits=UNHURRIED_CAGE)
    await cage.start()
    yield cage
    await cage.close()


def read_facts(source: Path) -> HeaderFacts:
    with source.open("rb") as file:
        return probe(file, budget=Budget())


def make_spec(source: Path, codec: ImageFormat, preset: Preset, **fields: object) -> RenderSpec:
    geometry = plan_geometry(preset, *read_facts(source).displayed_size)
    return RenderSpec(f"{codec}-{preset.name}", codec, geometry, **fields)  # type: ignore[arg-type]


def box(width: int | None = None, height: int | None = None, fit: Fit = Fit.SCALE_DOWN) -> Preset:
    return Preset(f"{fit}-{width}x{height}", fit, width, height)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a job said, its files copied to where they outlive it."""

    answers: list[Answer]
    job: Job
    files: dict[str, Path]

    @property
    def decoded(self) -> Decoded:
        assert isinstance(self.answers[0], Decoded)
        return self.answers[0]

    @property
    def failures(self) -> list[NotRendered]:
        return [answer for answer in self.answers if isinstance(answer, NotRendered)]

    @property
    def only_file(self) -> Path:
        assert not self.failures
        (file,) = self.files.values()
        return file


async def render(
    cage: Cage,
    source: Path,
    specs: Sequence[RenderSpec],
    *,
    facts: HeaderFacts | None = None,
    wants_verdict: bool = True,
) -> Outcome:
    answers, files = [], {}
    async with cage.job(source, facts or read_facts(source), specs, wants_verdict=wants_verdict) as job:
        async for answer in job:
            answers.append(answer)
            if isinstance(answer, Rendered):
                kept = source.with_name(f"{source.name}.{answer.key}")
                kept.write_bytes(answer.path.read_bytes())
                assert kept.stat().st_size == answer.byte_size
                files[answer.key] = kept
    return Outcome(answers, job, files)
