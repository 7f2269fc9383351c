"""The first bytes decide, never the name."""

import pytest

from app.domain.formats import ImageFormat, sniff


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\xff\xd8\xff\xe0", ImageFormat.JPEG),
        (b"\x89PNG\r\n\x1a\n", ImageFormat.PNG),
        (b"GIF87a", ImageFormat.GIF),
        (b"GIF89a", ImageFormat.GIF),
        (b"RIFF\x00\x00\x00\x00WEBP", ImageFormat.WEBP),
        (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", ImageFormat.AVIF),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", ImageFormat.HEIC),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf", ImageFormat.AVIF),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1heicmiaf", ImageFormat.HEIC),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00avif", None),
        (b"<svg xmlns=", None),
        (b"RIFF\x00\x00\x00\x00WAVE", None),
        (b"BM", None),
        (b"", None),
    ],
)
def test_bytes_prove_their_format(head: bytes, expected: ImageFormat | None) -> None:
    assert sniff(head) is expected
