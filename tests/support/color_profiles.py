"""ICC profiles made in code, version 2 with a plain gamma or the sRGB curve as a table."""

import struct

_D50 = (0.9642, 1.0, 0.8249)


def make_matrix_profile(columns: tuple[tuple[float, ...], ...], *, gamma: float | None) -> bytes:
    """A profile with these primaries (XYZ of red, green, blue under D50); a gamma of None means the sRGB curve."""
    curve = _table() if gamma is None else b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _xyz(_D50),
        **{name: _xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, content in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(
        ">I4sI4s4s4s12s4s", start + len(body), b"lcms", 0x02100000, b"mntr", b"RGB ", b"XYZ ", bytes(12), b"acsp"
    )
    header = header.ljust(68, b"\0") + struct.pack(">3i", *(round(value * 65536) for value in _D50))
    return header.ljust(128, b"\0") + table + body


def _table() -> bytes:
    points = (i / 1023 for i in range(1024))
    values = [round(65535 * (((x + 0.055) / 1.055) ** 2.4 if x > 0.04045 else x / 12.92)) for x in points]
    return b"curv\0\0\0\0" + struct.pack(">I1024H", 1024, *values)


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))
