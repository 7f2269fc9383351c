"""How far the values of a free transformation may go."""

from app.domain.option_lists import refuse

MAX_SIDE_PX = 12_000
"""Cloudflare's limit for what comes out."""
MAX_QUALITY = 100
MAX_BLUR, MAX_SHARPEN, MAX_DPR = 250.0, 10.0, 3.0
ROTATIONS = frozenset({0, 90, 180, 270})

# Finer than anyone can see; so that a number has one text, and reading that gives the same number.
_DECIMALS, _SHARE_DECIMALS = 2, 4


def check_whole(value: int | None, *, field: str, most: int) -> None:
    """Nothing, or a number from 1 on.

    Raises:
        InvalidRequest: it is another.
    """
    if value is not None and not 1 <= value <= most:
        refuse(field, f"{field} must be a whole number between 1 and {most}.")


def check_decimal(value: float, *, field: str, most: float, least: float = 0) -> float:
    """The number, rounded to two decimals.

    Raises:
        InvalidRequest: it is below `least`, above `most`, or none.
    """
    return _round(value, field, least, most, _DECIMALS)


def check_share(value: float | None, *, field: str) -> float | None:
    """A number between 0 and 1, rounded to four decimals, or None.

    Raises:
        InvalidRequest: it is another.
    """
    return None if value is None else _round(value, field, 0, 1, _SHARE_DECIMALS)


def check_rotation(degrees: int) -> None:
    """Quarters of a full turn.

    Raises:
        InvalidRequest: it is anything between.
    """
    if degrees not in ROTATIONS:
        refuse("rotate", "rotate must be 0, 90, 180 or 270.")


def _round(value: float, field: str, least: float, most: float, decimals: int) -> float:
    if not least <= value <= most:  # false for what is no number, too
        refuse(field, f"{field} must be between {least:g} and {most:g}.")
    # Adding 0 makes 0 of -0, which would be written otherwise.
    return round(float(value), decimals) + 0.0
