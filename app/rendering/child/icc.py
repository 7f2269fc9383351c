"""Colour profiles: our own sRGB one, and telling whether somebody else's is sRGB under another name."""

import struct
from collections.abc import Sequence

_HEADER_BYTES = 128
_MAX_TAGS = 100

# The primaries of IEC 61966-2-1, adapted to the D50 white of the profile connection space (ICC's own sRGB figures).
_SRGB_COLUMNS = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
_D50_WHITE = (0.96420, 1.0, 0.82491)
# Adaptation from D65 to D50 (Bradford), as version 4 wants it in the tag `chad`.
_ADAPTATION = (1.04788, 0.02292, -0.05022, 0.02959, 0.99048, -0.01708, -0.00925, 0.01508, 0.75168)
# ((x + 0.055) / 1.055) ** 2.4, and x / 12.92 below 0.04045: parametric curve of type 3.
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)

_COLUMN_TOLERANCE = 0.004
_CURVE_TOLERANCE = 0.012
"""Covers the plain gamma 2.2 that some cameras write and name sRGB."""


def make_srgb_profile() -> bytes:
    """An ICC profile of the sRGB colour space."""
    return make_profile("sRGB", tuple(_SRGB_COLUMNS.values()))


def parametric_curve(gamma: float) -> bytes:
    """The tag of a plain power curve."""
    return b"para\0\0\0\0" + struct.pack(">HH", 0, 0) + _fixed(gamma)


def table_curve(levels: Sequence[float]) -> bytes:
    """The tag of a curve by its values, 0 to 1, at even distances."""
    return b"curv\0\0\0\0" + struct.pack(f">I{len(levels)}H", len(levels), *(round(x * 65535) for x in levels))


def make_profile(name: str, columns: Sequence[Sequence[float]], curve: bytes | None = None) -> bytes:
    """An ICC profile (version 4, matrix and curve); `columns` are D50-adapted XYZ, `curve` is sRGB's if None."""
    curve = curve or b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + _fixed(*_SRGB_CURVE)
    tags = {
        b"desc": _text(name),
        b"cprt": _text("No copyright, use freely"),
        b"wtpt": _xyz(_D50_WHITE),
        b"chad": b"sf32\0\0\0\0" + _fixed(*_ADAPTATION),
        **{tag: _xyz(tuple(column)) for tag, column in zip(_SRGB_COLUMNS, columns, strict=True)},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body = struct.pack(">I", len(tags)), b""
    start = _HEADER_BYTES + 4 + 12 * len(tags)
    for tag, content in tags.items():
        table += struct.pack(">4sII", tag, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(
        ">I4sI4s4s4s12s4s4sI4s4sQI12s",
        *(start + len(body), b"\0\0\0\0", 0x04300000, b"mntr", b"RGB ", b"XYZ "),
        *(struct.pack(">6H", 2024, 1, 1, 0, 0, 0), b"acsp", b"\0\0\0\0", 0, b"\0\0\0\0", b"\0\0\0\0", 0, 0),
        _fixed(*_D50_WHITE),
    )
    return header.ljust(_HEADER_BYTES, b"\0") + table + body


def color_space(profile: bytes) -> bytes:
    """What the profile's pixels are: `RGB `, `CMYK`, `GRAY`, …; empty for bytes that are no profile."""
    return profile[16:20] if len(profile) > _HEADER_BYTES and profile[36:40] == b"acsp" else b""


def is_srgb(profile: bytes) -> bool:
    """Does this profile describe sRGB, by its numbers, whatever its name? False for all that cannot be told."""
    if color_space(profile) != b"RGB ":
        return False
    try:
        tags = _read_tags(profile)
        if b"A2B0" in tags:  # a table beats the matrix
            return False
        has_primaries = all(_is_near(_read_xyz(tags[name]), column) for name, column in _SRGB_COLUMNS.items())
        return has_primaries and all(_is_srgb_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
    except (KeyError, struct.error, ValueError, OverflowError, ZeroDivisionError):
        return False


def _is_srgb_curve(tag: bytes) -> bool:
    return all(abs(_evaluate(tag, x) - _srgb_to_linear(x)) < _CURVE_TOLERANCE for x in (0.1, 0.25, 0.5, 0.75, 0.9))


def _evaluate(tag: bytes, x: float) -> float:
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(">H", tag, 8)
        counts = {0: 1, 3: 5}
        g, a, b, c, d = (*_unfixed(tag[12:], counts[kind]), 1.0, 0.0, 0.0, 0.0)[:5]
        value = (a * x + b) ** g if x >= d else c * x
        return float(value)
    if tag[:4] != b"curv":
        raise ValueError("not a curve")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return x
    if count == 1:
        return float(x ** (struct.unpack_from(">H", tag, 12)[0] / 256))
    position = x * (count - 1)
    low, high = struct.unpack_from(">HH", tag, 12 + 2 * int(position))
    return float(low + (high - low) * (position - int(position))) / 65535


def _srgb_to_linear(x: float) -> float:
    return float(((x + 0.055) / 1.055) ** 2.4) if x > 0.04045 else x / 12.92


def _read_tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, _HEADER_BYTES)
    entries = (struct.unpack_from(">4sII", profile, _HEADER_BYTES + 4 + 12 * i) for i in range(min(count, _MAX_TAGS)))
    return {name: profile[start : start + size] for name, start, size in entries}


def _read_xyz(tag: bytes) -> tuple[float, ...]:
    return _unfixed(tag[8:], 3)


def _is_near(values: tuple[float, ...], wanted: tuple[float, ...]) -> bool:
    return all(abs(a - b) < _COLUMN_TOLERANCE for a, b in zip(values, wanted, strict=True))


def _unfixed(content: bytes, count: int) -> tuple[float, ...]:
    return tuple(number / 65536 for number in struct.unpack_from(f">{count}i", content))


def _fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*values)


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28) + encoded
