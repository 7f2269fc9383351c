"""The hostile corpus through headers and cage: each file ends as its manifest says, and nothing else happens."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from app.domain.formats import ImageFormat
from app.domain.headers.facts import Budget
from app.domain.variants import Fit, MetadataPolicy
from app.errors import (
    ImageTooLarge,
    InvalidFileType,
    InvalidImage,
    RenderFailed,
    RenderTimeout,
    SafelightError,
    Unavailable,
)
from app.rendering.protocol import Rendered, RenderSpec
from app.rendering.sandbox import Cage
from tests.support.render_fixture import box, make_spec, read_facts
from tests.support.render_inputs import open_rgb

pytestmark = pytest.mark.asyncio(loop_scope="session")

_NO_PICTURES = {"graphql", "http", "cdn", "ssrf", "filenames"}
_ALLOWED: dict[str, tuple[type[SafelightError], ...]] = {
    "REJECT_TYPE": (InvalidFileType,),
    "REJECT_LIMIT": (ImageTooLarge,),
    "REJECT_CORRUPT": (InvalidImage, InvalidFileType),
    "ACCEPT": (),
    "ACCEPT_SANITISE": (),
    "ACCEPT_IF_HEIC_ALLOWED": (),
}
_NEVER = (RenderFailed, RenderTimeout, Unavailable)
_MAX_BYTES = 450_000_000


@dataclass(frozen=True, slots=True)
class Case:
    path: Path
    category: str
    expected: str


@pytest.fixture(scope="module")
def cases(corpus: Path) -> list[Case]:
    return list(_read_manifest(corpus / "hostile"))


def _read_manifest(corpus: Path) -> Iterator[Case]:
    lines = (corpus / "MANIFEST.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    columns = {name: index for index, name in enumerate(rows[0])}
    for row in rows[1:]:
        if row[columns["category"]].split("/")[0] not in _NO_PICTURES:
            yield Case(corpus.parent / row[0], row[columns["category"]], row[columns["expected"]])


def _sample(cases: list[Case]) -> list[Case]:
    """The first of each category that is to end so."""
    return list({(case.category, case.expected): case for case in reversed(cases)}.values())


def _specs(source: Path) -> list[RenderSpec]:
    is_moving = read_facts(source).may_move(Budget())
    return [
        make_spec(source, ImageFormat.WEBP, box(500), is_animated=is_moving, metadata=MetadataPolicy.COPYRIGHT),
        make_spec(source, ImageFormat.AVIF, box(200)),
        make_spec(source, ImageFormat.JPEG, box(128, 128, Fit.COVER)),
        make_spec(source, ImageFormat.PNG, box(100, 90, Fit.PAD), metadata=MetadataPolicy.KEEP),
    ]


@pytest.mark.parametrize(
    "is_whole", [False, pytest.param(True, marks=pytest.mark.full("640 files; make test has one of each kind"))]
)
async def test_every_file_ends_as_expected(cage: Cage, cases: list[Case], is_whole: bool) -> None:
    surprises: list[str] = []
    slots, worst_bytes = asyncio.Semaphore(2), 0

    async def run(case: Case) -> None:
        nonlocal worst_bytes
        async with slots:
            try:
                specs = _specs(case.path)
                async with cage.job(case.path, read_facts(case.path), specs) as job:
                    kinds = [type(answer).__name__ async for answer in job]
                if kinds.count("Rendered") != len(specs):
                    surprises.append(f"{case.path.name}: {kinds}")
                assert job.end is not None
                worst_bytes = max(worst_bytes, job.end.max_rss_bytes)
                is_allowed = not case.expected.startswith("REJECT")
            except SafelightError as error:
                allowed = _ALLOWED.get(case.expected, (SafelightError,))
                is_allowed = isinstance(error, allowed) and not isinstance(error, _NEVER)
                surprises.extend([] if is_allowed else [f"{case.path.name}: {error.code}, not {case.expected}"])
            else:
                surprises.extend([] if is_allowed else [f"{case.path.name}: taken, not {case.expected}"])

    await asyncio.gather(*(run(case) for case in (cases if is_whole else _sample(cases))))

    assert not surprises
    assert worst_bytes < _MAX_BYTES


async def test_the_exact_grids_stand_as_another_decoder_turns_them(cage: Cage, cases: list[Case]) -> None:
    grids = [case.path for case in cases if case.path.parent.name == "orientation_exact"]
    assert grids
    for path in grids:
        with Image.open(path) as picture:
            turned = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"), float)
        spec = make_spec(path, ImageFormat.PNG, box(10_000))

        async with cage.job(path, read_facts(path), [spec]) as job:
            (got,) = [open_rgb(answer.path) async for answer in job if isinstance(answer, Rendered)]

        assert got.shape == turned.shape, path.name
        assert np.abs(got - turned).mean() < 3, path.name
