"""Free transformations: what is wished of a picture beyond its presets, and the one way to write each.

The options and what they mean are those of Cloudflare Images where it has them
(https://developers.cloudflare.com/images/optimization/features/).
"""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.colors import parse_color
from app.domain.option_lists import OptionList, read_decimal, read_whole, refuse
from app.domain.transform_limits import (
    MAX_BLUR,
    MAX_DPR,
    MAX_QUALITY,
    MAX_SHARPEN,
    MAX_SIDE_PX,
    check_decimal,
    check_rotation,
    check_share,
    check_whole,
)
from app.domain.variants import DEFAULT_QUALITY, Fit, MetadataPolicy

MAX_OPTIONS_CHARACTERS = 200
"""`write_options` never writes more."""


class OtherFit(StrEnum):
    """Cloudflare's fits that presets do not have."""

    ASPECT_CROP = "aspect-crop"
    """Like crop, but a smaller picture is cut to the box's proportions too."""
    SQUEEZE = "squeeze"
    """Exactly the box, distorted where that must be."""


_PLAIN_FITS: dict[Fit | OtherFit, Fit] = {
    Fit.COVER: Fit.CONTAIN,
    Fit.PAD: Fit.CONTAIN,
    OtherFit.SQUEEZE: Fit.CONTAIN,
    Fit.CROP: Fit.SCALE_DOWN,
    OtherFit.ASPECT_CROP: Fit.SCALE_DOWN,
}
"""What a fit means where the box lacks a side: a plain resize, enlarging or not."""
_CUTTING_FITS = frozenset({Fit.COVER, Fit.CROP, OtherFit.ASPECT_CROP})
# How to turn upright what is stored with an EXIF orientation, by (mirrored, degrees clockwise).
_ORIENTATIONS = {
    **{(False, 0): 1, (False, 90): 6, (False, 180): 3, (False, 270): 8},
    **{(True, 0): 2, (True, 90): 7, (True, 180): 4, (True, 270): 5},
}


@dataclass(frozen=True, slots=True)
class Transform:
    """What is made of a picture. Every one that exists is within its limits and says each thing in one way.

    Numbers are rounded, and what would change nothing is forgotten when it is made, so that equal ones compare equal.
    Order: fit into the box, blur, sharpen, take the colour out, mirror, rotate, put the background under it.

    Raises:
        InvalidRequest: a value is out of its limits; `details.field` names it as the GraphQL API does.
    """

    width_px: int | None = None
    """1 to 12,000, of the box, along the axis after rotation; None: the picture's own proportions give it."""
    height_px: int | None = None
    fit: Fit | OtherFit = Fit.SCALE_DOWN
    focal_x: float | None = None
    """0 to 1 from the left of the picture before it is mirrored and rotated; None: the image's focal point."""
    focal_y: float | None = None
    quality: int = DEFAULT_QUALITY
    """1 to 100."""
    background: str | None = None
    """`#rrggbb` or `#rrggbbaa` below the whole picture; None: transparency stays, padding is white."""
    blur: float = 0.0
    """Standard deviation of the Gaussian in pixels of the result, up to 250; 0 for none."""
    sharpen: float = 0.0
    """Strength of the unsharp mask, up to 10; 0 for none."""
    rotate: int = 0
    """Degrees clockwise: 0, 90, 180 or 270."""
    is_mirrored: bool = False
    """Left and right change places, before the rotation."""
    is_grayscale: bool = False
    dpr: float = 1.0
    """1 to 3: device pixels for each pixel of the box."""
    is_animated: bool = True
    """False makes a still of the first frame; True keeps moving what can."""
    metadata: MetadataPolicy = MetadataPolicy.NONE

    def __post_init__(self) -> None:
        """Check every limit, then forget what says nothing."""
        check_whole(self.width_px, field="width", most=MAX_SIDE_PX)
        check_whole(self.height_px, field="height", most=MAX_SIDE_PX)
        check_whole(self.quality, field="quality", most=MAX_QUALITY)
        check_rotation(self.rotate)
        self._set("blur", check_decimal(self.blur, field="blur", most=MAX_BLUR))
        self._set("sharpen", check_decimal(self.sharpen, field="sharpen", most=MAX_SHARPEN))
        self._set("dpr", check_decimal(self.dpr, field="dpr", least=1, most=MAX_DPR))
        self._set("focal_x", check_share(self.focal_x, field="focalX"))
        self._set("focal_y", check_share(self.focal_y, field="focalY"))
        if self.background is not None:
            self._set("background", parse_color(self.background, field="background"))
        self._forget()
        if any(side is not None and side > MAX_SIDE_PX for side in self.box_px):
            refuse("dpr", f"width and height, times dpr, must be at most {MAX_SIDE_PX} pixels.")

    def _forget(self) -> None:
        sides = [side for side in (self.width_px, self.height_px) if side is not None]
        if len(sides) < 2:
            self._set("fit", _PLAIN_FITS.get(self.fit, self.fit))
        if not sides:
            self._set("fit", Fit.SCALE_DOWN)
            self._set("dpr", 1.0)
        if self.fit not in _CUTTING_FITS:
            self._set("focal_x", None)
            self._set("focal_y", None)

    def _set(self, name: str, value: object) -> None:
        # The way for a frozen dataclass to put its own fields right before anyone sees it.
        object.__setattr__(self, name, value)

    @property
    def box_px(self) -> tuple[int | None, int | None]:
        """Width and height of the box in device pixels."""
        width, height = (None if side is None else round(side * self.dpr) for side in (self.width_px, self.height_px))
        return width, height

    @property
    def orientation(self) -> int:
        """Mirroring and rotation as the EXIF orientation that asks for them, 1 to 8."""
        return _ORIENTATIONS[self.is_mirrored, self.rotate]

    @property
    def needs_focal_point(self) -> bool:
        """Does it change with the image's focal point?"""
        return self.fit in _CUTTING_FITS and (self.focal_x is None or self.focal_y is None)


ALIASES = {"w": "width", "h": "height", "q": "quality", "g": "gravity"}
"""Cloudflare's short names."""

_UNCHANGED = "fit=scale-down"
_FITS: dict[str, Fit | OtherFit] = {fit.value: fit for fit in (*Fit, *OtherFit)}
_POLICIES = {policy.value: policy for policy in MetadataPolicy}
_SIDES = {"left": (0.0, 0.5), "right": (1.0, 0.5), "top": (0.5, 0.0), "bottom": (0.5, 1.0), "center": (0.5, 0.5)}
# Nobody looks for faces or for what stands out: the image's own focal point is taken, as where there is none.
_LOOKED_FOR = frozenset({"auto", "face"})
_QUALITIES = {"high": 90, "medium-high": 80, "medium-low": 65, "low": 50}
"""Cloudflare's words for how good it looks; the numbers are ours."""
_FLIPS = {"h": (True, 0), "v": (True, 180), "hv": (False, 180)}
"""Each as (mirrored, degrees to be added to the rotation)."""


def write_options(transform: Transform) -> str:
    """The transformation in a path, as `{options}` of `/t/`: one text for each, never empty.

    Letters, digits and `=,.-` only, at most MAX_OPTIONS_CHARACTERS of them.
    """
    unchanged, said = Transform(), []
    for field, name in _WRITTEN_NAMES.items():
        value = getattr(transform, field)
        if value != getattr(unchanged, field):
            said.append(f"{name}={_write(field, value)}")
    return ",".join(said) or _UNCHANGED


def parse_options(text: str) -> Transform:
    """The transformation behind a text of `write_options`, or behind a list of Cloudflare's options.

    `text` is as it stands in the path, its percent-encoding undone.

    Raises:
        InvalidRequest: it is no list, or an option is unknown, given twice or out of its limits.
    """
    options = OptionList(text, aliases=ALIASES)
    transform = take_transform(options)
    options.end()
    return transform


def take_transform(options: OptionList, *, metadata: MetadataPolicy = MetadataPolicy.NONE) -> Transform:
    """What a list says about how a picture is made; other options are left in it.

    Raises:
        InvalidRequest: an option is out of its limits.
    """
    focal_x, focal_y = _take_focal_point(options)
    is_mirrored, turned = options.take_choice("flip", _FLIPS, (False, 0))
    dpr, rotate = options.take_decimal("dpr"), options.take_whole("rotate") or 0
    check_rotation(rotate)
    return Transform(
        width_px=options.take_whole("width"),
        height_px=options.take_whole("height"),
        fit=options.take_choice("fit", _FITS, Fit.SCALE_DOWN),
        focal_x=focal_x,
        focal_y=focal_y,
        quality=take_quality(options, "quality"),
        background=options.take("background"),
        blur=options.take_decimal("blur") or 0,
        sharpen=options.take_decimal("sharpen") or 0,
        rotate=(rotate + turned) % 360,
        is_mirrored=is_mirrored,
        is_grayscale=options.take_switch("grayscale", default=False),
        dpr=1 if dpr is None else dpr,
        is_animated=options.take_switch("anim", default=True),
        metadata=options.take_choice("metadata", _POLICIES, metadata),
    )


def take_quality(options: OptionList, name: str) -> int:
    """A quality as a number or as one of Cloudflare's words; the usual one where it is not given.

    Raises:
        InvalidRequest: it is none.
    """
    text = options.take(name)
    if text is None:
        return DEFAULT_QUALITY
    quality = _QUALITIES[text] if text in _QUALITIES else read_whole(text, field=name)
    check_whole(quality, field=name, most=MAX_QUALITY)
    return quality


_WRITTEN_NAMES = {
    "width_px": "w",
    "height_px": "h",
    "fit": "fit",
    "focal_x": "fx",
    "focal_y": "fy",
    "quality": "q",
    "background": "background",
    "blur": "blur",
    "sharpen": "sharpen",
    "is_mirrored": "flip",
    "rotate": "rotate",
    "is_grayscale": "grayscale",
    "dpr": "dpr",
    "is_animated": "anim",
    "metadata": "metadata",
}


def _write(field: str, value: object) -> str:
    if field == "is_mirrored":
        return "h"
    if isinstance(value, bool):
        return "true" if value else "false"
    # A number sign would have to be escaped in a path.
    return f"{value:g}" if isinstance(value, float) else str(value).removeprefix("#")


def _take_focal_point(options: OptionList) -> tuple[float | None, float | None]:
    x, y, gravity = options.take_decimal("fx"), options.take_decimal("fy"), options.take("gravity")
    if gravity is None or gravity in _LOOKED_FOR:
        return x, y
    if x is not None or y is not None:
        refuse("gravity", "gravity and fx, fy exclude each other.")
    if gravity in _SIDES:
        return _SIDES[gravity]
    across, separator, down = gravity.partition("x")
    if not separator:
        refuse("gravity", "gravity must be auto, face, left, right, top, bottom, center or a point such as 0.5x0.3.")
    x, y = (check_share(read_decimal(share, field="gravity"), field="gravity") for share in (across, down))
    return x, y
