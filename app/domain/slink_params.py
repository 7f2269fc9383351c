"""The query behind Slink's `/image/{id}.{ext}`: `?w=&h=&crop=`."""

from collections.abc import Iterable

from app.domain.option_lists import read_choice, read_whole, refuse
from app.domain.transform_limits import MAX_SIDE_PX, check_whole
from app.domain.transforms import Transform
from app.domain.variants import Fit

# Newer versions of Slink write them out.
_NAMES = {"w": "w", "width": "w", "h": "h", "height": "h", "crop": "crop"}
_SWITCHES = {"true": True, "1": True, "false": False, "0": False}


def parse_slink_params(query: Iterable[tuple[str, str]]) -> Transform | None:
    """How the picture is made, None where the query asks for no other size; `query` is decoded, in order.

    Both sides: inside the box, never enlarged. `crop` fills the box; with one side it is a square. Parameters that
    Slink does not know are left to others.

    Raises:
        InvalidRequest: a side is not 1 to 12,000, `crop` no switch, or something given twice.
    """
    params: dict[str, str] = {}
    for given, text in query:
        name = _NAMES.get(given)
        if name is None or not text:
            continue
        if name in params:
            refuse(name, f"{name} is given twice.")
        params[name] = text
    width_px, height_px = _read_side(params, "w"), _read_side(params, "h")
    is_cropped = read_choice(params.get("crop", "false"), _SWITCHES, field="crop")
    if width_px is None and height_px is None:
        return None
    if is_cropped:
        return Transform(width_px or height_px, height_px or width_px, Fit.COVER)
    return Transform(width_px, height_px)


def _read_side(params: dict[str, str], name: str) -> int | None:
    if name not in params:
        return None
    side_px = read_whole(params[name], field=name)
    check_whole(side_px, field=name, most=MAX_SIDE_PX)
    return side_px
