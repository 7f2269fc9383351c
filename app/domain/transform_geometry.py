"""What a free transformation makes of a picture of a certain size: Cloudflare's fits, with rotation and dpr."""

from app.domain.transforms import OtherFit, Transform
from app.domain.variants import Fit, FocalPoint, Geometry, Preset, aim, plan_geometry, scale


def plan_transform(transform: Transform, width_px: int, height_px: int, focal: FocalPoint | None = None) -> Geometry:
    """What becomes of a picture of this size, as displayed: its geometry before it is mirrored and rotated."""
    box_w, box_h = transform.box_px
    if transform.orientation >= 5:  # turned by a quarter: the box is said of the result
        box_w, box_h = box_h, box_w
    return _plan_fit(transform.fit, (box_w, box_h), (width_px, height_px), _find_focal_point(transform, focal))


def _find_focal_point(transform: Transform, focal: FocalPoint | None) -> FocalPoint | None:
    if transform.focal_x is None and transform.focal_y is None:
        return focal
    middle = focal or FocalPoint(0.5, 0.5)
    return FocalPoint(
        middle.x if transform.focal_x is None else transform.focal_x,
        middle.y if transform.focal_y is None else transform.focal_y,
    )


def _plan_fit(
    fit: Fit | OtherFit, box: tuple[int | None, int | None], size: tuple[int, int], focal: FocalPoint | None
) -> Geometry:
    if isinstance(fit, Fit):
        return plan_geometry(Preset("", fit, *box), *size, focal)
    box_w, box_h = box
    assert box_w is not None, "a box that lacks a side has a plain fit"
    assert box_h is not None, "a box that lacks a side has a plain fit"
    if fit is OtherFit.SQUEEZE:
        return Geometry((box_w, box_h), (box_w, box_h))
    scaled = scale(*size, min(1.0, max(box_w / size[0], box_h / size[1])))
    # The largest part of the box's proportions; of a picture that is large enough it is the box itself.
    part = min(1.0, scaled[0] / box_w, scaled[1] / box_h)
    return aim(Geometry(scaled, scale(box_w, box_h, part)), focal)
