"""The cage against sharp 0.35.5 on the same photographs, interleaved: wall, CPU, peak memory, and their ratios.

    npm ci --prefix bench && python -m bench.render --rounds 5 [--sets S8,S6,M1,W6] [photo ...]

S8 = og 1200×630 jpg, medium 800 and small 256 as jpg, webp and avif, thumb 128×128 jpg; S6 = S8 without avif;
M1 = medium.webp alone, as a request that waits for it has it made: quickly, and without a verdict; W6 = webp of
2048 … 128. JPEG and WebP at quality 80, AVIF at 50; sharp's avif effort is 3.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from app.domain.formats import ImageFormat
from app.domain.headers.facts import Budget, HeaderFacts
from app.domain.headers.probe import probe
from app.domain.variants import Fit, Preset, plan_geometry
from app.rendering.protocol import NotRendered, RenderSpec
from app.rendering.sandbox import Cage

BENCH_DIR = Path(__file__).parent
CORPUS = Path(os.environ.get("SAFELIGHT_CORPUS", BENCH_DIR.parent.parent / "shared" / "corpora")) / "photos"
PHOTOS = ("p12-train.jpg", "s24-panda.jpg", "p10-squoosh.jpg", "p06-flickr-sharp.jpg")

JPEG, WEBP, AVIF = ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.AVIF
OG = Preset("og", Fit.COVER, 1200, 630)
MEDIUM, SMALL = Preset("medium", width_px=800), Preset("small", width_px=256)
THUMB = Preset("thumb", Fit.COVER, 128, 128)
S8 = [(OG, JPEG), *((size, codec) for size in (MEDIUM, SMALL) for codec in (JPEG, WEBP, AVIF)), (THUMB, JPEG)]
SETS = {
    "S8": S8,
    "S6": [(size, codec) for size, codec in S8 if codec is not AVIF],
    "M1": [(MEDIUM, WEBP)],
    "W6": [(Preset(f"w{width}", width_px=width), WEBP) for width in (2048, 1536, 1024, 512, 256, 128)],
}


@dataclass(frozen=True, slots=True)
class Run:
    """One job's cost."""

    wall_ms: float
    cpu_ms: float
    peak_mb: float
    first_ms: float = 0.0
    """Until the verdict."""


async def run_cage(
    cage: Cage, photo: Path, facts: HeaderFacts, wanted: list[tuple[Preset, ImageFormat]], *, is_miss: bool
) -> Run:
    specs = [
        RenderSpec(f"{size.name}.{codec}", codec, plan_geometry(size, *facts.displayed_size), 80, is_quick=is_miss)
        for size, codec in wanted
    ]
    start, first_ms = time.perf_counter(), 0.0
    async with cage.job(photo, facts, specs, wants_verdict=not is_miss) as job:
        async for answer in job:
            assert not isinstance(answer, NotRendered), answer
            first_ms = first_ms or (time.perf_counter() - start) * 1000
        wall_ms = (time.perf_counter() - start) * 1000
    assert job.end is not None
    return Run(wall_ms, job.end.cpu_s * 1000, job.end.max_rss_bytes / 2**20, first_ms)


async def run_sharp(process: asyncio.subprocess.Process, photo: Path, wanted: list[tuple[Preset, ImageFormat]]) -> Run:
    assert process.stdin is not None
    assert process.stdout is not None
    variants = [{"codec": codec.value, "width": size.width_px, "height": size.height_px} for size, codec in wanted]
    process.stdin.write(json.dumps({"source": str(photo), "variants": variants}).encode() + b"\n")
    answer = json.loads(await process.stdout.readline())
    return Run(answer["wallMs"], answer["cpuMs"], answer["peakMb"])


async def compare(photo: Path, set_name: str, *, rounds: int, cage: Cage) -> str:
    """One line of the table. Each pair gets a fresh Node process, so that its peak memory is its own."""
    with photo.open("rb") as file:
        facts = probe(file, budget=Budget())
    sharp = await asyncio.create_subprocess_exec(
        *("node", str(BENCH_DIR / "sharp_peer.mjs")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    ours, theirs = [], []
    try:
        for round_number in range(rounds + 1):
            own = await run_cage(cage, photo, facts, SETS[set_name], is_miss=set_name == "M1")
            pair = own, await run_sharp(sharp, photo, SETS[set_name])
            if round_number > 0:  # the first warms both
                ours.append(pair[0])
                theirs.append(pair[1])
    finally:
        sharp.kill()
        await sharp.wait()
    return format_line(photo.name, set_name, median(ours), median(theirs))


def median(runs: list[Run]) -> Run:
    columns = zip(*((run.wall_ms, run.cpu_ms, run.peak_mb, run.first_ms) for run in runs), strict=True)
    return Run(*(statistics.median(column) for column in columns))


def format_line(photo: str, set_name: str, ours: Run, theirs: Run) -> str:
    return (
        f"{photo:22} {set_name:4} "
        f"{ours.wall_ms:7.0f} {theirs.wall_ms:7.0f} {ours.wall_ms / theirs.wall_ms:6.2f}  "
        f"{ours.cpu_ms:7.0f} {theirs.cpu_ms:7.0f} {ours.cpu_ms / theirs.cpu_ms:6.2f}  "
        f"{ours.peak_mb:6.0f} {theirs.peak_mb:6.0f}  {ours.first_ms:7.0f}"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the cage with sharp.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sets", default="S8,S6,M1")
    parser.add_argument("photos", nargs="*", default=PHOTOS, help="files, or names in the corpus' photos")
    arguments = parser.parse_args()
    print(f"{'photo':22} set  {'wall ms: cage, sharp, ×':22}  {'CPU ms: cage, sharp, ×':22}  peak MB        verdict ms")
    with tempfile.TemporaryDirectory() as scratch:
        cage = Cage(slots=1, scratch_dir=Path(scratch), allow_unsandboxed=True)
        await cage.start()
        try:
            for set_name in arguments.sets.split(","):
                for photo in arguments.photos:
                    print(await compare(CORPUS / photo, set_name, rounds=arguments.rounds, cage=cage), flush=True)
        finally:
            await cage.close()


if __name__ == "__main__":
    asyncio.run(main())
