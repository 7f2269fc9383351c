"""ICC profiles for CICP numbers (ITU-T H.273: primaries and transfer), with PQ and HLG tone-mapped to SDR."""

from collections.abc import Callable
from functools import cache

from app.rendering.child.icc import make_profile, parametric_curve, table_curve

_Matrix = tuple[tuple[float, float, float], ...]

_D65, _C, _DCI = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351)
_D50_XYZ = (0.96420, 1.0, 0.82491)
_BRADFORD: _Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))

# Primaries: x and y of red, green, blue and white.
_P709 = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65)
_SMPTE_170M = ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65)
_PRIMARIES = {
    1: _P709,
    4: ((0.670, 0.330), (0.210, 0.710), (0.140, 0.080), _C),
    5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060), _D65),
    6: _SMPTE_170M,
    7: _SMPTE_170M,
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}

_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
"""Every other transfer without an entry counts as sRGB's curve, BT.709's too, as in browsers."""
_PQ, _HLG = 16, 18
_TABLE_ENTRIES = 4096

_WHITE_NITS, _PEAK_NITS = 203.0, 1000.0
"""BT.2408: diffuse white of HDR pictures, and the brightness from which nothing more is told apart."""
_KNEE = 0.75
"""Share of diffuse white below which tones stay as they are."""


@cache
def make_cicp_profile(primaries: int, transfer: int) -> bytes | None:
    """The ICC profile of these numbers; None for sRGB, unspecified and reserved ones."""
    chromaticities = _PRIMARIES.get(primaries, _P709)
    curve = _make_curve(transfer)
    if chromaticities is _P709 and curve is None:
        return None
    return make_profile(f"CICP {primaries}/{transfer}", _columns(chromaticities), curve)


def _make_curve(transfer: int) -> bytes | None:
    if transfer in _GAMMAS:
        return parametric_curve(_GAMMAS[transfer])
    to_nits = {_PQ: _pq_to_nits, _HLG: _hlg_to_nits}.get(transfer)
    return table_curve(_tabulate(to_nits)) if to_nits else None


def _tabulate(to_nits: Callable[[float], float]) -> list[float]:
    signals = (index / (_TABLE_ENTRIES - 1) for index in range(_TABLE_ENTRIES))
    return [_tone_map(to_nits(signal) / _WHITE_NITS) for signal in signals]


def _tone_map(level: float) -> float:
    # Extended Reinhard above the knee: the peak becomes 1, and the slope at the knee is 1.
    if level <= _KNEE:
        return level
    excess = (level - _KNEE) / (1 - _KNEE)
    peak = (_PEAK_NITS / _WHITE_NITS - _KNEE) / (1 - _KNEE)
    return min(1.0, _KNEE + (1 - _KNEE) * excess * (1 + excess / peak**2) / (1 + excess))


def _pq_to_nits(signal: float) -> float:
    # SMPTE ST 2084.
    root = signal ** (1 / 78.84375)
    return float(10_000 * (max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125))


def _hlg_to_nits(signal: float) -> float:
    # BT.2100, with the system gamma of a display of 1000 nits for each channel.
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = signal**2 / 3 if signal <= 0.5 else (2.718281828459045 ** ((signal - c) / a) + b) / 12
    return float(_PEAK_NITS * scene**1.2)


def _columns(chromaticities: tuple[tuple[float, float], ...]) -> _Matrix:
    """XYZ of the three primaries, adapted to D50."""
    *colours, white = (_to_xyz(x, y) for x, y in chromaticities)
    shares = _solve(_transpose(tuple(colours)), white)
    cone_white, cone_d50 = _apply(_BRADFORD, white), _apply(_BRADFORD, _D50_XYZ)
    columns = []
    for colour, share in zip(colours, shares, strict=True):
        cones = _apply(_BRADFORD, (colour[0] * share, colour[1] * share, colour[2] * share))
        adapted = [cone * to / of for cone, of, to in zip(cones, cone_white, cone_d50, strict=True)]
        columns.append(_solve(_BRADFORD, (adapted[0], adapted[1], adapted[2])))
    return tuple(columns)


def _to_xyz(x: float, y: float) -> tuple[float, float, float]:
    return x / y, 1.0, (1 - x - y) / y


def _transpose(matrix: _Matrix) -> _Matrix:
    a, b, c = matrix
    return tuple(zip(a, b, c, strict=True))


def _apply(matrix: _Matrix, vector: tuple[float, float, float]) -> tuple[float, float, float]:
    a, b, c = (sum(m * v for m, v in zip(row, vector, strict=True)) for row in matrix)
    return a, b, c


def _solve(matrix: _Matrix, vector: tuple[float, float, float]) -> tuple[float, float, float]:
    # Cramer's rule.
    columns, whole = _transpose(matrix), _determinant(matrix)
    a, b, c = (
        _determinant(_transpose(tuple(vector if index == place else column for index, column in enumerate(columns))))
        / whole
        for place in range(3)
    )
    return a, b, c


def _determinant(matrix: _Matrix) -> float:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
