"""How near resizing comes to a float Lanczos reduction of the whole decode (goal R6): PSNR and SSIM, beside sharp's.

    npm ci --prefix bench && python -m bench.quality [photo ...]

Resizing only: every size of S8 is written as PNG. The reference is Pillow's Lanczos on each channel as floats.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.ImageOps import exif_transpose

from app.domain.formats import ImageFormat
from app.domain.headers.facts import Budget, HeaderFacts
from app.domain.headers.probe import probe
from app.domain.variants import Geometry, plan_geometry
from app.rendering.protocol import Rendered, RenderSpec
from app.rendering.sandbox import Cage
from bench.render import BENCH_DIR, CORPUS, MEDIUM, OG, PHOTOS, SMALL, THUMB

SIZES = (OG, MEDIUM, SMALL, THUMB)
Pixels = np.ndarray[Any, Any]
Quality = tuple[float, float]


def reduce_in_floats(photo: Path, geometry: Geometry) -> Pixels:
    """What an ideal filter would make of the picture, not rounded yet."""
    with Image.open(photo) as file:
        upright = (exif_transpose(file) or file).convert("RGB")
    left, top = geometry.corner
    width, height = geometry.cropped
    channels = []
    for channel in upright.split():
        scaled = channel.convert("F").resize(geometry.scaled, Image.Resampling.LANCZOS)
        channels.append(np.asarray(scaled)[top : top + height, left : left + width])
    return np.asarray(np.clip(np.stack(channels, axis=-1), 0, 255))


def compare(made: Pixels, wanted: Pixels) -> Quality:
    """PSNR in dB and the mean SSIM of luminance over windows of 8 by 8 pixels."""
    error = float(np.mean((made - wanted) ** 2))
    weights = np.array([0.299, 0.587, 0.114])
    return 10 * float(np.log10(255**2 / error)), _ssim(made @ weights, wanted @ weights)


def _ssim(one: Pixels, two: Pixels) -> float:
    # Wang et al. 2004, with uniform windows: C1 = (0.01 L)², C2 = (0.03 L)².
    mean_1, mean_2 = _window(one), _window(two)
    variance_1, variance_2 = _window(one * one) - mean_1**2, _window(two * two) - mean_2**2
    covariance = _window(one * two) - mean_1 * mean_2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_1 * mean_2 + c1) * (2 * covariance + c2)
    return float(np.mean(top / ((mean_1**2 + mean_2**2 + c1) * (variance_1 + variance_2 + c2))))


def _window(values: Pixels, side: int = 8) -> Pixels:
    sums = np.pad(values.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    boxes = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return np.asarray(boxes / side**2)


async def judge(photo: Path, cage: Cage) -> dict[str, tuple[Quality, Quality]]:
    """By size: our quality, and sharp's."""
    with photo.open("rb") as file:
        facts = probe(file, budget=Budget())
    geometries = {size.name: plan_geometry(size, *facts.displayed_size) for size in SIZES}
    wanted = {name: reduce_in_floats(photo, geometry) for name, geometry in geometries.items()}
    with tempfile.TemporaryDirectory() as folder:
        ours = await _render(cage, photo, facts, geometries)
        theirs = await _render_by_sharp(photo, Path(folder))
    return {name: (compare(ours[name], wanted[name]), compare(theirs[name], wanted[name])) for name in wanted}


async def _render(cage: Cage, photo: Path, facts: HeaderFacts, geometries: dict[str, Geometry]) -> dict[str, Pixels]:
    specs = [RenderSpec(name, ImageFormat.PNG, geometry) for name, geometry in geometries.items()]
    made = {}
    async with cage.job(photo, facts, specs) as job:
        async for answer in job:
            if isinstance(answer, Rendered):
                made[answer.key] = _read(answer.path)
    return made


async def _render_by_sharp(photo: Path, folder: Path) -> dict[str, Pixels]:
    paths = {size.name: folder / f"{size.name}.png" for size in SIZES}
    variants = [
        {"codec": "png", "width": size.width_px, "height": size.height_px, "path": str(paths[size.name])}
        for size in SIZES
    ]
    sharp = await asyncio.create_subprocess_exec(
        *("node", str(BENCH_DIR / "sharp_peer.mjs")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    await sharp.communicate(json.dumps({"source": str(photo), "variants": variants}).encode() + b"\n")
    return {name: _read(path) for name, path in paths.items()}


def _read(path: Path) -> Pixels:
    with Image.open(path) as file:
        return np.asarray(file.convert("RGB"), dtype=float)


async def main() -> None:
    parser = argparse.ArgumentParser(description="How near is resizing to an ideal filter?")
    parser.add_argument("photos", nargs="*", default=PHOTOS, help="files, or names in the corpus' photos")
    arguments = parser.parse_args()
    print(f"{'photo':22}" + "".join(f"{size.name:>34}" for size in SIZES))
    print(f"{'':22}" + f"{'dB: ours, sharp; SSIM: ours, sharp':>34}" * len(SIZES))
    with tempfile.TemporaryDirectory() as folder:
        cage = Cage(slots=1, scratch_dir=Path(folder))
        await cage.start()
        rows = []
        for photo in arguments.photos:
            rows.append(await judge(CORPUS / photo, cage))
            print(f"{Path(photo).name:22}" + "".join(_cell(*rows[-1][size.name]) for size in SIZES), flush=True)
        await cage.close()
    means = [[_mean([row[size.name][who] for row in rows]) for who in (0, 1)] for size in SIZES]
    print(f"{'mean':22}" + "".join(_cell(ours, theirs) for ours, theirs in means))


def _mean(qualities: list[Quality]) -> Quality:
    return statistics.mean(q[0] for q in qualities), statistics.mean(q[1] for q in qualities)


def _cell(ours: Quality, theirs: Quality) -> str:
    return f"{ours[0]:12.1f}{theirs[0]:6.1f}{ours[1]:8.4f}{theirs[1]:8.4f}"


if __name__ == "__main__":
    asyncio.run(main())
