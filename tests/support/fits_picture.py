"""Draw docs/pictures/fits.svg from the geometry: `python -m tests.support.fits_picture > docs/pictures/fits.svg`."""

from app.domain.transform_geometry import plan_transform
from app.domain.transforms import OtherFit, Transform
from app.domain.variants import Fit

FITS: tuple[Fit | OtherFit, ...] = (
    Fit.SCALE_DOWN,
    Fit.CONTAIN,
    Fit.COVER,
    Fit.CROP,
    OtherFit.ASPECT_CROP,
    Fit.PAD,
    OtherFit.SQUEEZE,
)
PICTURES = ((300, 200), (60, 40))
BOX_PX, COLUMN, ROW, LEFT, TOP = 100, 126, 168, 100, 82

_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 440" role="img" aria-labelledby="title desc" \
font-family="ui-sans-serif, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif">
  <title id="title">What each fit makes of a large and of a small picture</title>
  <desc id="desc">{description}</desc>
  <style>
    .paper {{ fill: #fffdfb; stroke: #e3d9d2 }} .ink {{ fill: #2a2220 }} .soft {{ fill: #6d5f59 }}
    .box {{ fill: none; stroke: #c2251c; stroke-dasharray: 4 4 }}
    @media (prefers-color-scheme: dark) {{
      .paper {{ fill: #191413; stroke: #3a2d2a }} .ink {{ fill: #f4e9e4 }} .soft {{ fill: #b7a49c }}
      .box {{ stroke: #ff6f61 }}
    }}
  </style>
  <defs>
    <symbol id="photo" viewBox="0 0 300 200" preserveAspectRatio="none">
      <rect width="300" height="200" fill="#bfe0f2"/><circle cx="222" cy="58" r="30" fill="#f4b73c"/>
      <path d="M0 150 L80 60 L150 140 L190 105 L300 175 V200 H0 Z" fill="#5d8a66"/>
      <path d="M0 175 Q150 140 300 185 V200 H0 Z" fill="#3f6b4c"/>
    </symbol>
  </defs>
  <rect class="paper" x="1" y="1" width="998" height="438" rx="14"/>
"""


def draw_fits() -> str:
    """The whole file."""
    sizes: list[str] = []
    lines = []
    for column, fit in enumerate(FITS):
        middle = LEFT + column * COLUMN + COLUMN / 2
        lines.append(f'  <text class="ink" x="{middle:g}" y="48" text-anchor="middle" font-size="14">{fit}</text>')
        for row, size in enumerate(PICTURES):
            corner = (round(middle - BOX_PX / 2), TOP + row * ROW)
            drawn, made = _draw_cell(fit, size, corner)
            lines += drawn
            sizes.append(f"{fit} makes {made[0]} × {made[1]} of {size[0]} × {size[1]}")
    for row, (width, height) in enumerate(PICTURES):
        y = TOP + row * ROW + BOX_PX / 2
        lines.append(f'  <text class="soft" x="28" y="{y:g}" font-size="13">{width} × {height}</text>')
    lines.append(
        f'  <text class="soft" x="28" y="416" font-size="13">The dashed line is the box: {BOX_PX} × {BOX_PX}.</text>'
    )
    description = f"Into a box of {BOX_PX} × {BOX_PX} pixels: {'; '.join(sizes)}."
    return _HEAD.format(description=description) + "\n".join(lines) + "\n</svg>\n"


def _draw_cell(fit: Fit | OtherFit, size: tuple[int, int], box: tuple[int, int]) -> tuple[list[str], tuple[int, int]]:
    geometry = plan_transform(Transform(BOX_PX, BOX_PX, fit), *size)
    (width, height), (scaled_w, scaled_h) = geometry.final, geometry.scaled
    left, top = box[0] + (BOX_PX - width) / 2, box[1] + (BOX_PX - height) / 2
    # What stands over is cut off by the inner picture's frame; what is left over shows the background.
    inner = (
        f'<rect width="{width}" height="{height}" fill="#e6d5c8"/>'
        f'<use href="#photo" x="{(width - scaled_w) / 2:g}" y="{(height - scaled_h) / 2:g}"'
        f' width="{scaled_w}" height="{scaled_h}"/>'
    )
    below = box[1] + BOX_PX + 22
    return [
        f'  <svg x="{left:g}" y="{top:g}" width="{width}" height="{height}">{inner}</svg>',
        f'  <rect class="box" x="{box[0]}" y="{box[1]}" width="{BOX_PX}" height="{BOX_PX}"/>',
        f'  <text class="soft" x="{box[0] + BOX_PX / 2:g}" y="{below}" text-anchor="middle" font-size="13">'
        f"{width} × {height}</text>",
    ], geometry.final


if __name__ == "__main__":
    print(draw_fits(), end="")
