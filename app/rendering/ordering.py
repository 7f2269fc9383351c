"""From a free transformation to what the cage is asked for."""

from app.domain.formats import ImageFormat
from app.domain.transforms import Transform
from app.domain.variants import Geometry
from app.rendering.protocol import RenderSpec

_MOVING_CODECS = frozenset({ImageFormat.GIF, ImageFormat.WEBP})
_DEFAULT_BACKGROUND = "#ffffff"


def order_transform(
    key: str, transform: Transform, codec: ImageFormat, geometry: Geometry, *, may_move: bool
) -> RenderSpec:
    """The file that a transformation makes; `geometry` is that of `plan_transform`.

    `may_move` says whether the picture is an animation small enough to keep moving.
    """
    return RenderSpec(
        key=key,
        codec=codec,
        geometry=geometry,
        quality=transform.quality,
        metadata=transform.metadata,
        is_animated=may_move and transform.is_animated and codec in _MOVING_CODECS,
        background=transform.background or _DEFAULT_BACKGROUND,
        is_opaque=transform.background is not None,
        blur=transform.blur,
        sharpen=transform.sharpen,
        is_grayscale=transform.is_grayscale,
        turn=transform.orientation,
    )
